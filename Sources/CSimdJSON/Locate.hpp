#pragma once

#include "CSimdJSON.h"

namespace csj {

/// Where a document that simdjson's first stage refused goes wrong: it says only that it does.
size_t locate(csj_reason reason, const uint8_t *text, size_t length) noexcept;

}  // namespace csj
