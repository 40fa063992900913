#include "Locate.hpp"

namespace csj {
namespace {

bool is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/// The length of the UTF-8 sequence at `text`, or 0 if it is none (RFC 3629, section 4).
size_t sequence_length(const uint8_t *text, size_t left) {
  const uint8_t lead = text[0];
  if (lead < 0x80) return 1;
  const size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || length > left) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  const bool overlong = (lead == 0xE0 && text[1] < 0xA0) || (lead == 0xF0 && text[1] < 0x90);
  const bool surrogate = lead == 0xED && text[1] >= 0xA0;
  const bool beyond = lead == 0xF4 && text[1] >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

size_t locate_invalid_utf8(const uint8_t *text, size_t length) {
  size_t offset = 0;
  while (offset < length) {
    const size_t step = sequence_length(text + offset, length - offset);
    if (step == 0) return offset;
    offset += step;
  }
  return offset;
}

/// The first control character inside a string or, with `unclosed`, the quote of the last string.
size_t locate_in_strings(const uint8_t *text, size_t length, bool unclosed) {
  bool inside = false;
  size_t quote = 0;
  for (size_t offset = 0; offset < length; ++offset) {
    const uint8_t byte = text[offset];
    if (byte == '"') {
      inside = !inside;
      quote = offset;
    } else if (inside && !unclosed && byte < 0x20) {
      return offset;
    } else if (byte == '\\' && (unclosed || offset + 1 == length || text[offset + 1] >= 0x20)) {
      ++offset;
    }
  }
  return quote;
}

}  // namespace

size_t locate(csj_reason reason, const uint8_t *text, size_t length) noexcept {
  if (reason == CSJ_REASON_INVALID_UTF8) return locate_invalid_utf8(text, length);
  return locate_in_strings(text, length, reason == CSJ_REASON_UNCLOSED_STRING);
}

}  // namespace csj
