// Strict JSON (RFC 8259) read into a flat tape of nodes; simdjson finds the tokens, this library
// checks every one of them. Plain C, so that Swift can read the tape without a call per byte.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

// Swift sees the enumerations as its own, so that a `switch` over one is checked to be complete.
#define CSJ_CLOSED_ENUM __attribute__((enum_extensibility(closed)))
#define CSJ_SWIFT_NAME(name) __attribute__((swift_name(#name)))

typedef enum CSJ_CLOSED_ENUM csj_kind : uint8_t {
  CSJ_KIND_NULL CSJ_SWIFT_NAME(null),
  CSJ_KIND_FALSE CSJ_SWIFT_NAME(false),
  CSJ_KIND_TRUE CSJ_SWIFT_NAME(true),
  CSJ_KIND_NUMBER CSJ_SWIFT_NAME(number),
  CSJ_KIND_STRING CSJ_SWIFT_NAME(string),
  CSJ_KIND_ARRAY CSJ_SWIFT_NAME(array),
  CSJ_KIND_OBJECT CSJ_SWIFT_NAME(object),
} csj_kind;

// Why a document was refused.
typedef enum CSJ_CLOSED_ENUM csj_reason : uint8_t {
  CSJ_REASON_NONE CSJ_SWIFT_NAME(none),
  CSJ_REASON_EMPTY CSJ_SWIFT_NAME(empty),
  CSJ_REASON_BYTE_ORDER_MARK CSJ_SWIFT_NAME(byteOrderMark),
  CSJ_REASON_INVALID_UTF8 CSJ_SWIFT_NAME(invalidUTF8),
  CSJ_REASON_UNCLOSED_STRING CSJ_SWIFT_NAME(unclosedString),
  CSJ_REASON_CONTROL_CHARACTER CSJ_SWIFT_NAME(controlCharacter),
  CSJ_REASON_BAD_ESCAPE CSJ_SWIFT_NAME(badEscape),
  CSJ_REASON_LONE_SURROGATE CSJ_SWIFT_NAME(loneSurrogate),
  CSJ_REASON_EXPECTED_VALUE CSJ_SWIFT_NAME(expectedValue),
  CSJ_REASON_EXPECTED_NAME CSJ_SWIFT_NAME(expectedName),
  CSJ_REASON_EXPECTED_COLON CSJ_SWIFT_NAME(expectedColon),
  CSJ_REASON_EXPECTED_COMMA_IN_ARRAY CSJ_SWIFT_NAME(expectedCommaInArray),
  CSJ_REASON_EXPECTED_COMMA_IN_OBJECT CSJ_SWIFT_NAME(expectedCommaInObject),
  CSJ_REASON_BAD_LITERAL CSJ_SWIFT_NAME(badLiteral),
  CSJ_REASON_LEADING_ZERO CSJ_SWIFT_NAME(leadingZero),
  CSJ_REASON_BAD_NUMBER CSJ_SWIFT_NAME(badNumber),
  CSJ_REASON_NUMBER_TOO_LARGE CSJ_SWIFT_NAME(numberTooLarge),
  CSJ_REASON_TOO_DEEP CSJ_SWIFT_NAME(tooDeep),
  CSJ_REASON_TRAILING_TEXT CSJ_SWIFT_NAME(trailingText),
  CSJ_REASON_TOO_LONG CSJ_SWIFT_NAME(tooLong),
  CSJ_REASON_TOO_MANY_TOKENS CSJ_SWIFT_NAME(tooManyTokens),
  CSJ_REASON_OUT_OF_MEMORY CSJ_SWIFT_NAME(outOfMemory),
} csj_reason;

// One value or member name. Nodes stand in document order; an object holds name, value, name, ...
typedef struct csj_node {
  // The source text, quotes and brackets included.
  uint32_t start;
  uint32_t length;
  union {
    // Containers: the index after the last node inside (while open: the enclosing container).
    uint32_t next;
    // Strings with an escape: where the unescaped bytes lie in `strings`.
    uint32_t unescaped_start;
  };
  union {
    // Containers: elements or members.
    uint32_t count;
    uint32_t unescaped_length;
  };
  csj_kind kind;
  // Numbers: an integer literal. Strings: free of escapes. Else false.
  bool plain;
} csj_node;

// A parsed document. It owns a copy of its source; parsing again into it reuses the buffers.
typedef struct csj_document {
  uint8_t *_Nullable text;
  uint8_t *_Nullable strings;
  csj_node *_Nullable nodes;
  size_t text_capacity;
  size_t strings_capacity;
  size_t nodes_capacity;
} csj_document;

// The scratch memory of the token scan, used only while a parse runs.
typedef struct csj_parser csj_parser;

typedef struct csj_outcome {
  csj_reason reason;
  // Where the document went wrong, in bytes; its length if something is missing at the end.
  size_t offset;
} csj_outcome;

typedef struct csj_slice {
  const uint8_t *_Nullable bytes;
  size_t length;
} csj_slice;

// Null when memory is short, as with `malloc`.
csj_parser *_Nullable csj_parser_create(void);
void csj_parser_destroy(csj_parser *parser);

csj_document *_Nullable csj_document_create(void);
void csj_document_destroy(csj_document *document);

// Whether the buffers have grown so large that keeping them for the next document would be waste.
bool csj_document_is_oversized(const csj_document *document);

// Parses `length` bytes into `document`, whose former content is gone whatever the outcome. Node 0
// is the root. After a refusal the document must not be read.
csj_outcome csj_parse(csj_parser *parser, csj_document *document, const uint8_t *_Nullable bytes,
                      size_t length, size_t maximum_depth, size_t maximum_tokens);

// The index of the last member's value with this name, or 0 (never a member: the root's index).
uint32_t csj_find_member(const csj_document *document, uint32_t object,
                         const uint8_t *_Nullable name, size_t length);

// Whether the node is a literal `-?digits` within 64 bits; if so stores it.
bool csj_read_int64(const csj_document *document, uint32_t number, int64_t *result);

// Whether the node is a string of exactly these bytes.
bool csj_string_equals(const csj_document *document, uint32_t string,
                       const uint8_t *_Nullable bytes, size_t length);

static inline csj_kind csj_node_kind(const csj_document *document, uint32_t index) {
  return document->nodes[index].kind;
}

static inline bool csj_is_container(const csj_document *document, uint32_t index) {
  return document->nodes[index].kind >= CSJ_KIND_ARRAY;
}

// Elements or members; 0 for anything but a container.
static inline uint32_t csj_count(const csj_document *document, uint32_t index) {
  return csj_is_container(document, index) ? document->nodes[index].count : 0;
}

// The node after this one and everything inside it.
static inline uint32_t csj_next(const csj_document *document, uint32_t index) {
  return csj_is_container(document, index) ? document->nodes[index].next : index + 1;
}

static inline csj_slice csj_source(const csj_document *document, uint32_t index) {
  const csj_node *node = &document->nodes[index];
  csj_slice slice = {document->text + node->start, node->length};
  return slice;
}

// The bytes that a string stands for: UTF-8 without quotes, escapes resolved.
static inline csj_slice csj_string(const csj_document *document, uint32_t index) {
  const csj_node *node = &document->nodes[index];
  csj_slice slice;
  if (node->plain) {
    slice.bytes = document->text + node->start + 1;
    slice.length = node->length - 2;
  } else {
    slice.bytes = document->strings + node->unescaped_start;
    slice.length = node->unescaped_length;
  }
  return slice;
}

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif
