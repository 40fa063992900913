#include "Walk.hpp"

#include <cstring>

#include "Number.hpp"
#include "Unescape.hpp"

namespace csj {
namespace {

constexpr uint32_t none = UINT32_MAX;

bool is_space(uint8_t byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/// Whether a number or literal may stand directly before `byte`.
bool ends_scalar(uint8_t byte) {
  return byte == ',' || byte == '}' || byte == ']' || is_space(byte);
}

/// The walk has no recursion: an open container remembers the one around it in `next`.
class Walk {
 public:
  Walk(csj_document &document, const uint32_t *tokens, size_t token_count, size_t maximum_depth,
       bool has_escapes)
      : text_(document.text),
        nodes_(document.nodes),
        strings_(document.strings),
        tokens_(tokens),
        token_count_(token_count),
        depth_left_(maximum_depth),
        has_escapes_(has_escapes) {}

  csj_outcome run() {
    bool going = value();
    while (going && open_ != none) {
      going = nodes_[open_].kind == CSJ_KIND_OBJECT ? member() : element();
    }
    if (going && token_ != token_count_) fail(CSJ_REASON_TRAILING_TEXT, at());
    return outcome_;
  }

 private:
  uint8_t *text_;
  csj_node *nodes_;
  uint8_t *strings_;
  const uint32_t *tokens_;
  size_t token_count_;
  size_t depth_left_;
  bool has_escapes_;
  size_t token_ = 0;
  uint32_t size_ = 0;
  uint32_t open_ = none;
  uint32_t strings_used_ = 0;
  csj_outcome outcome_ = {CSJ_REASON_NONE, 0};

  uint32_t at() const { return tokens_[token_]; }

  /// Passes the next token if it is `byte`; at the end of the document it is a padding space.
  bool take(uint8_t byte) {
    if (text_[at()] != byte) return false;
    ++token_;
    return true;
  }

  bool fail(csj_reason reason, size_t offset) {
    outcome_ = {reason, offset};
    return false;
  }

  bool element() {
    if (take(']')) return close();
    if (nodes_[open_].count++ > 0 && !take(',')) {
      return fail(CSJ_REASON_EXPECTED_COMMA_IN_ARRAY, at());
    }
    return value();
  }

  bool member() {
    if (take('}')) return close();
    if (nodes_[open_].count++ > 0 && !take(',')) {
      return fail(CSJ_REASON_EXPECTED_COMMA_IN_OBJECT, at());
    }
    if (text_[at()] != '"') return fail(CSJ_REASON_EXPECTED_NAME, at());
    if (!string()) return false;
    if (!take(':')) return fail(CSJ_REASON_EXPECTED_COLON, at());
    return value();
  }

  bool value() {
    switch (text_[at()]) {
      case '"': return string();
      case '{': return open(CSJ_KIND_OBJECT);
      case '[': return open(CSJ_KIND_ARRAY);
      case 'n': return literal("null", 4, CSJ_KIND_NULL);
      case 't': return literal("true", 4, CSJ_KIND_TRUE);
      case 'f': return literal("false", 5, CSJ_KIND_FALSE);
      case '-': case '0': case '1': case '2': case '3': case '4':
      case '5': case '6': case '7': case '8': case '9': return number();
      default: return fail(CSJ_REASON_EXPECTED_VALUE, at());
    }
  }

  csj_node &push(csj_kind kind, bool plain, uint32_t length) {
    csj_node &node = nodes_[size_++];
    node.start = tokens_[token_++];
    node.length = length;
    node.kind = kind;
    node.plain = plain;
    return node;
  }

  bool open(csj_kind kind) {
    if (depth_left_ == 0) return fail(CSJ_REASON_TOO_DEEP, at());
    --depth_left_;
    csj_node &node = push(kind, false, 0);
    node.next = open_;
    node.count = 0;
    open_ = size_ - 1;
    return true;
  }

  bool close() {
    csj_node &node = nodes_[open_];
    node.length = tokens_[token_ - 1] + 1 - node.start;
    open_ = node.next;
    node.next = size_;
    ++depth_left_;
    return true;
  }

  bool literal(const char *word, uint32_t length, csj_kind kind) {
    const uint32_t start = at();
    if (std::memcmp(text_ + start, word, length) != 0 || !ends_scalar(text_[start + length])) {
      return fail(CSJ_REASON_BAD_LITERAL, start);
    }
    push(kind, false, length);
    return true;
  }

  bool number() {
    const uint32_t start = at();
    const Number number = scan_number(text_ + start);
    if (number.reason != CSJ_REASON_NONE) return fail(number.reason, size_t(number.end - text_));
    if (!ends_scalar(*number.end)) return fail(CSJ_REASON_BAD_NUMBER, size_t(number.end - text_));
    push(CSJ_KIND_NUMBER, number.integer, uint32_t(number.end - text_) - start);
    return true;
  }

  /// Between a string's closing quote and the next token there is nothing but space, because any
  /// other byte there would start a token: so the quote is found from behind.
  bool string() {
    const uint32_t start = at();
    uint32_t quote = tokens_[token_ + 1] - 1;
    while (quote > start && is_space(text_[quote])) --quote;
    if (quote == start || text_[quote] != '"') return fail(CSJ_REASON_UNCLOSED_STRING, start);
    const bool plain =
        !has_escapes_ || std::memchr(text_ + start, '\\', quote - start) == nullptr;
    csj_node &node = push(CSJ_KIND_STRING, plain, quote + 1 - start);
    return plain || unescape_into(node);
  }

  bool unescape_into(csj_node &node) {
    uint8_t *out = strings_ + strings_used_;
    const uint8_t *body = text_ + node.start + 1;
    const Unescaped result = unescape(body, body + node.length - 2, out);
    if (result.reason != CSJ_REASON_NONE) return fail(result.reason, size_t(result.at - text_));
    node.unescaped_start = strings_used_;
    node.unescaped_length = uint32_t(result.end - out);
    strings_used_ += node.unescaped_length;
    return true;
  }
};

}  // namespace

csj_outcome walk(csj_document &document, const uint32_t *tokens, size_t token_count,
                 size_t maximum_depth, bool has_escapes) noexcept {
  return Walk(document, tokens, token_count, maximum_depth, has_escapes).run();
}

}  // namespace csj
