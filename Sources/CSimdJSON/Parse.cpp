#include <simdjson.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "CSimdJSON.h"
#include "Locate.hpp"
#include "Walk.hpp"

using Scanner = simdjson::internal::dom_parser_implementation;

/// simdjson's implementation for this processor; only its first stage is used.
struct csj_parser {
  std::unique_ptr<Scanner> scanner;
};

namespace {

/// Offsets are 32 bits wide, and a document's end with its padding must be one.
constexpr size_t maximum_length = UINT32_MAX - 2 * csj::padding;

/// Buffers for documents up to about this size are kept, larger ones are given back.
constexpr size_t kept_bytes = 1 << 20;

constexpr size_t smallest_capacity = 1024;

/// Makes room without keeping what was there; false when memory is short.
template <typename Element>
bool reserve(Element *&buffer, size_t &capacity, size_t count) {
  if (count <= capacity) return true;
  const size_t wanted = count < capacity * 2 ? capacity * 2 : count;
  auto *larger = static_cast<Element *>(std::malloc(wanted * sizeof(Element)));
  if (larger == nullptr) return false;
  std::free(buffer);
  buffer = larger;
  capacity = wanted;
  return true;
}

bool reserve_scanner(std::unique_ptr<Scanner> &scanner, size_t length) {
  if (scanner != nullptr && scanner->capacity() >= length) return true;
  size_t capacity = scanner != nullptr ? scanner->capacity() * 2 : smallest_capacity;
  if (capacity < length) capacity = length;
  scanner.reset();
  const size_t unused_depth = 1;
  return simdjson::get_active_implementation()->create_dom_parser_implementation(
             capacity, unused_depth, scanner) == simdjson::SUCCESS;
}

csj_reason reason_of(simdjson::error_code code) {
  switch (code) {
    case simdjson::EMPTY: return CSJ_REASON_EMPTY;
    case simdjson::UTF8_ERROR: return CSJ_REASON_INVALID_UTF8;
    case simdjson::UNESCAPED_CHARS: return CSJ_REASON_CONTROL_CHARACTER;
    case simdjson::UNCLOSED_STRING: return CSJ_REASON_UNCLOSED_STRING;
    default: return CSJ_REASON_EXPECTED_VALUE;
  }
}

bool has_byte_order_mark(const uint8_t *bytes, size_t length) {
  return length >= 3 && std::memcmp(bytes, "\xEF\xBB\xBF", 3) == 0;
}

/// simdjson only ever reads the buffer of `document`, so the caller's bytes need no padding.
bool copy(const uint8_t *bytes, size_t length, csj_document &document) {
  if (!reserve(document.text, document.text_capacity, length + csj::padding)) return false;
  std::memcpy(document.text, bytes, length);
  std::memset(document.text + length, ' ', csj::padding);
  return true;
}

csj_outcome parse(csj_parser &parser, csj_document &document, const uint8_t *bytes, size_t length,
                  size_t maximum_depth, size_t maximum_tokens) {
  const csj_outcome short_of_memory = {CSJ_REASON_OUT_OF_MEMORY, 0};
  if (length == 0) return {CSJ_REASON_EMPTY, 0};
  if (length > maximum_length) return {CSJ_REASON_TOO_LONG, maximum_length};
  if (has_byte_order_mark(bytes, length)) return {CSJ_REASON_BYTE_ORDER_MARK, 0};
  if (!copy(bytes, length, document)) return short_of_memory;
  if (!reserve_scanner(parser.scanner, length)) return short_of_memory;

  Scanner &scanner = *parser.scanner;
  const auto code = scanner.stage1(document.text, length, simdjson::stage1_mode::regular);
  if (code != simdjson::SUCCESS) {
    const csj_reason reason = reason_of(code);
    return {reason, csj::locate(reason, document.text, length)};
  }
  const size_t token_count = scanner.n_structural_indexes;
  // Before any memory is taken for them: a value takes 24 bytes, and one byte of text can be one.
  if (token_count > maximum_tokens) {
    return {CSJ_REASON_TOO_MANY_TOKENS, scanner.structural_indexes[maximum_tokens]};
  }
  scanner.structural_indexes[token_count] = uint32_t(length);

  const bool has_escapes = std::memchr(document.text, '\\', length) != nullptr;
  if (!reserve(document.nodes, document.nodes_capacity, token_count)) return short_of_memory;
  if (has_escapes && !reserve(document.strings, document.strings_capacity, length)) {
    return short_of_memory;
  }
  return csj::walk(document, scanner.structural_indexes.get(), token_count, maximum_depth,
                   has_escapes);
}

}  // namespace

csj_parser *csj_parser_create(void) { return new (std::nothrow) csj_parser(); }

void csj_parser_destroy(csj_parser *parser) { delete parser; }

csj_document *csj_document_create(void) { return new (std::nothrow) csj_document(); }

void csj_document_destroy(csj_document *document) {
  std::free(document->text);
  std::free(document->strings);
  std::free(document->nodes);
  delete document;
}

bool csj_document_is_oversized(const csj_document *document) {
  return document->text_capacity > kept_bytes ||
         document->nodes_capacity > kept_bytes / sizeof(csj_node);
}

csj_outcome csj_parse(csj_parser *parser, csj_document *document, const uint8_t *bytes,
                      size_t length, size_t maximum_depth, size_t maximum_tokens) {
  const csj_outcome outcome =
      parse(*parser, *document, bytes, length, maximum_depth, maximum_tokens);
  if (length > kept_bytes) parser->scanner.reset();
  return outcome;
}
