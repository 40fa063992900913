#pragma once

#include "CSimdJSON.h"

namespace csj {

/// The bytes that must follow a document's text, so that looking one token ahead needs no check.
constexpr size_t padding = 64;

/// Checks the tokens of a document against the grammar and writes its nodes.
///
/// simdjson's first stage has already seen to it that the text is UTF-8, that strings are closed
/// and hold no control characters, and that `tokens` lists where every bracket, colon, comma and
/// every run of other bytes outside strings starts. The document's `text` must end in `padding`
/// spaces, `tokens` in one more entry, the length of the text; `nodes` must have room for one node
/// per token, and `strings`, if there is a backslash, for as many bytes as the text has.
csj_outcome walk(csj_document &document, const uint32_t *tokens, size_t token_count,
                 size_t maximum_depth, bool has_escapes) noexcept;

}  // namespace csj
