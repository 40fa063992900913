#include "Unescape.hpp"

#include <cstring>

namespace csj {
namespace {

constexpr uint32_t not_hex = 0x10000;

bool is_high_surrogate(uint32_t unit) { return (unit & 0xFC00) == 0xD800; }
bool is_low_surrogate(uint32_t unit) { return (unit & 0xFC00) == 0xDC00; }

uint32_t hex_digit(uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const uint8_t letter = byte | 0x20;
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : not_hex;
}

/// The code unit of `\uXXXX`, or `not_hex` for anything else.
uint32_t code_unit(const uint8_t *text, const uint8_t *end) {
  if (end - text < 6 || text[0] != '\\' || text[1] != 'u') return not_hex;
  const uint32_t digits[4] = {hex_digit(text[2]), hex_digit(text[3]), hex_digit(text[4]),
                              hex_digit(text[5])};
  if ((digits[0] | digits[1] | digits[2] | digits[3]) >= not_hex) return not_hex;
  return digits[0] << 12 | digits[1] << 8 | digits[2] << 4 | digits[3];
}

uint8_t *put_utf8(uint32_t scalar, uint8_t *out) {
  if (scalar < 0x80) {
    *out++ = uint8_t(scalar);
    return out;
  }
  if (scalar < 0x800) {
    *out++ = uint8_t(0xC0 | scalar >> 6);
  } else {
    if (scalar < 0x10000) {
      *out++ = uint8_t(0xE0 | scalar >> 12);
    } else {
      *out++ = uint8_t(0xF0 | scalar >> 18);
      *out++ = uint8_t(0x80 | (scalar >> 12 & 0x3F));
    }
    *out++ = uint8_t(0x80 | (scalar >> 6 & 0x3F));
  }
  *out++ = uint8_t(0x80 | (scalar & 0x3F));
  return out;
}

/// What a two-character escape stands for, or 0 when there is no such escape.
uint8_t short_escape(uint8_t letter) {
  switch (letter) {
    case '"': case '\\': case '/': return letter;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
  }
}

/// Where one escape was read from and written to; `reason` is set if it is none.
struct Escape {
  csj_reason reason;
  const uint8_t *after;
  uint8_t *out;
};

Escape resolve_unicode(const uint8_t *text, const uint8_t *end, uint8_t *out) {
  uint32_t scalar = code_unit(text, end);
  if (scalar == not_hex) return {CSJ_REASON_BAD_ESCAPE, text, out};
  if (is_low_surrogate(scalar)) return {CSJ_REASON_LONE_SURROGATE, text, out};
  const uint8_t *after = text + 6;
  if (is_high_surrogate(scalar)) {
    const uint32_t low = code_unit(after, end);
    if (!is_low_surrogate(low)) return {CSJ_REASON_LONE_SURROGATE, text, out};
    scalar = 0x10000 + ((scalar & 0x3FF) << 10 | (low & 0x3FF));
    after += 6;
  }
  return {CSJ_REASON_NONE, after, put_utf8(scalar, out)};
}

Escape resolve(const uint8_t *text, const uint8_t *end, uint8_t *out) {
  if (end - text < 2) return {CSJ_REASON_BAD_ESCAPE, text, out};
  if (text[1] == 'u') return resolve_unicode(text, end, out);
  const uint8_t byte = short_escape(text[1]);
  if (byte == 0) return {CSJ_REASON_BAD_ESCAPE, text, out};
  *out = byte;
  return {CSJ_REASON_NONE, text + 2, out + 1};
}

}  // namespace

Unescaped unescape(const uint8_t *body, const uint8_t *end, uint8_t *out) noexcept {
  while (body != end) {
    const auto *backslash =
        static_cast<const uint8_t *>(std::memchr(body, '\\', size_t(end - body)));
    const size_t unchanged = size_t((backslash != nullptr ? backslash : end) - body);
    std::memcpy(out, body, unchanged);
    out += unchanged;
    if (backslash == nullptr) break;
    const Escape escape = resolve(backslash, end, out);
    if (escape.reason != CSJ_REASON_NONE) return {escape.reason, backslash, out};
    body = escape.after;
    out = escape.out;
  }
  return {CSJ_REASON_NONE, end, out};
}

}  // namespace csj
