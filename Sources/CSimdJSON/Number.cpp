#include "Number.hpp"

#include <algorithm>
#include <charconv>

namespace csj {
namespace {

bool is_digit(uint8_t byte) { return uint8_t(byte - '0') < 10; }

const uint8_t *skip_digits(const uint8_t *text) {
  while (is_digit(*text)) ++text;
  return text;
}

/// The value of `[sign] digits`, held at a bound that no document's digits can make up for.
int64_t read_exponent(const uint8_t *text, const uint8_t *end) {
  const int64_t bound = int64_t(1) << 40;
  const bool negative = *text == '-';
  if (!is_digit(*text)) ++text;
  int64_t value = 0;
  for (; text != end && value < bound; ++text) value = value * 10 + (*text - '0');
  return negative ? -value : value;
}

/// The parts of a number's text: digits [. fraction] [e exponent].
struct Parts {
  const uint8_t *digits;
  const uint8_t *digits_end;
  const uint8_t *mantissa_end;
  /// Null when there is none.
  const uint8_t *exponent;
  const uint8_t *end;
};

/// Whether the value does not round to infinity.
///
/// The first significant digit's power of ten decides, except in the decade of the largest double;
/// so the cost depends on the length of the text and never on the exponent's value.
bool fits_double(const Parts &parts) {
  const uint8_t *first = std::find_if(parts.digits, parts.mantissa_end,
                                      [](uint8_t byte) { return byte != '0' && byte != '.'; });
  if (first == parts.mantissa_end) return true;
  int64_t power = parts.digits_end - first - (first < parts.digits_end ? 1 : 0);
  if (parts.exponent != nullptr) power += read_exponent(parts.exponent, parts.end);
  if (power != 308) return power < 308;
  double value;
  return std::from_chars(reinterpret_cast<const char *>(parts.digits),
                         reinterpret_cast<const char *>(parts.end), value)
             .ec == std::errc();
}

}  // namespace

Number scan_number(const uint8_t *text) noexcept {
  Parts parts = {};
  if (*text == '-') ++text;
  parts.digits = text;
  if (!is_digit(*text)) return {CSJ_REASON_BAD_NUMBER, text, false};
  if (*text == '0' && is_digit(text[1])) return {CSJ_REASON_LEADING_ZERO, text, false};
  text = parts.digits_end = skip_digits(text);
  if (*text == '.') {
    if (!is_digit(*++text)) return {CSJ_REASON_BAD_NUMBER, text, false};
    text = skip_digits(text);
  }
  parts.mantissa_end = text;
  if ((*text | 0x20) == 'e') {
    parts.exponent = ++text;
    if (*text == '+' || *text == '-') ++text;
    if (!is_digit(*text)) return {CSJ_REASON_BAD_NUMBER, text, false};
    text = skip_digits(text);
  }
  parts.end = text;
  const bool certain = parts.exponent == nullptr && parts.digits_end - parts.digits <= 308;
  if (!certain && !fits_double(parts)) return {CSJ_REASON_NUMBER_TOO_LARGE, parts.digits, false};
  return {CSJ_REASON_NONE, text, text == parts.digits_end};
}

}  // namespace csj
