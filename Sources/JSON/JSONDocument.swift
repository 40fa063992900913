import CSimdJSON

/// The memory behind a document's values; they keep it alive.
///
/// Only `JSONParser` writes to it, and only while it holds the sole reference: the rule that makes
/// copy-on-write safe makes this `Sendable`.
@safe final class JSONDocument: @unchecked Sendable {
  let tape: UnsafeMutablePointer<csj_document>

  init() {
    guard let tape = unsafe csj_document_create() else { preconditionFailure("Out of memory.") }
    unsafe self.tape = unsafe tape
  }

  deinit {
    unsafe csj_document_destroy(tape)
  }

  var isOversized: Bool {
    unsafe csj_document_is_oversized(tape)
  }
}
