#pragma once

#include "CSimdJSON.h"

namespace csj {

/// The result of resolving a string's escapes.
struct Unescaped {
  csj_reason reason;
  /// The escape that is wrong.
  const uint8_t *at;
  /// After the last byte written.
  uint8_t *end;
};

/// Resolves the escapes of a string's body; `out` must have room for as many bytes as the body has.
Unescaped unescape(const uint8_t *body, const uint8_t *end, uint8_t *out) noexcept;

}  // namespace csj
