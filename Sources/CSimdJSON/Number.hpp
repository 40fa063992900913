#pragma once

#include "CSimdJSON.h"

namespace csj {

/// A number token, or why and where it is none.
struct Number {
  csj_reason reason;
  /// After the number, or at the byte that is wrong.
  const uint8_t *end;
  /// Neither fraction nor exponent.
  bool integer;
};

/// Reads the number that starts at `text`, which must be followed by a byte that is no part of one.
Number scan_number(const uint8_t *text) noexcept;

}  // namespace csj
