#include <cstring>

#include "CSimdJSON.h"

namespace {

bool equal(csj_slice slice, const uint8_t *bytes, size_t length) {
  return slice.length == length && (length == 0 || std::memcmp(slice.bytes, bytes, length) == 0);
}

}  // namespace

uint32_t csj_find_member(const csj_document *document, uint32_t object, const uint8_t *name,
                         size_t length) {
  uint32_t found = 0;
  if (csj_node_kind(document, object) != CSJ_KIND_OBJECT) return found;
  const uint32_t end = csj_next(document, object);
  for (uint32_t index = object + 1; index < end; index = csj_next(document, index + 1)) {
    if (equal(csj_string(document, index), name, length)) found = index + 1;
  }
  return found;
}

bool csj_read_int64(const csj_document *document, uint32_t number, int64_t *result) {
  const csj_node &node = document->nodes[number];
  if (node.kind != CSJ_KIND_NUMBER || !node.plain) return false;
  const uint8_t *digit = document->text + node.start;
  const uint8_t *const end = digit + node.length;
  const bool negative = *digit == '-';
  if (negative) ++digit;
  if (end - digit > 19) return false;
  uint64_t magnitude = 0;
  for (; digit != end; ++digit) magnitude = magnitude * 10 + (*digit - '0');
  if (magnitude > uint64_t(INT64_MAX) + negative) return false;
  *result = int64_t(negative ? 0 - magnitude : magnitude);
  return true;
}

bool csj_string_equals(const csj_document *document, uint32_t string, const uint8_t *bytes,
                       size_t length) {
  return csj_node_kind(document, string) == CSJ_KIND_STRING &&
         equal(csj_string(document, string), bytes, length);
}
