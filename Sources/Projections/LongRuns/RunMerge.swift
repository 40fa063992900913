internal import LMDB

/// The rows of several runs in the order of their keys, each key once: the latest run's row.
struct RunMerge {
  /// A reader that has a row, with how its key begins: few keys are alike for 16 bytes, and looking
  /// at the others costs more than all comparisons of numbers.
  private struct Head {
    var key: RunReader.KeyStart
    let reader: Int
  }

  private let readers: [RunReader]
  /// A heap: none comes before the one at half its place.
  private var heap: [Head] = []

  /// Begins at the first row. The earliest run comes first.
  init(_ runs: [RunReader]) throws(ProjectionFailure) {
    readers = runs
    for reader in readers.indices where try readers[reader].advance() {
      heap.append(Head(key: readers[reader].keyStart, reader: reader))
    }
    for place in heap.indices.reversed() { sink(place) }
    try passSuperseded()
  }

  var isAtEnd: Bool { heap.isEmpty }

  /// The current row.
  func withRow<Result, Failure: Error>(
    _ body: (RawSpan, RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try readers[heap[0].reader].withRow(body)
  }

  mutating func advance() throws(ProjectionFailure) {
    try advance(place: 0)
    try passSuperseded()
  }

  /// Leaves out rows with the current one's key: they are from earlier runs.
  private mutating func passSuperseded() throws(ProjectionFailure) {
    while let place = second, hasCurrentKey(place) { try advance(place: place) }
  }

  private func hasCurrentKey(_ place: Int) -> Bool {
    heap[place].key == heap[0].key
      && readers[heap[place].reader].hasKey(of: readers[heap[0].reader])
  }

  /// The place of the row that comes after the current one, as far as the runs have come.
  private var second: Int? {
    switch heap.count {
    case 0, 1: nil
    case 2: 1
    default: precedes(1, 2) ? 1 : 2
    }
  }

  private mutating func advance(place: Int) throws(ProjectionFailure) {
    let reader = readers[heap[place].reader]
    if try reader.advance() {
      heap[place].key = reader.keyStart
    } else {
      heap.swapAt(place, heap.count - 1)
      heap.removeLast()
    }
    if place < heap.count { sink(place) }
  }

  private mutating func sink(_ start: Int) {
    var place = start
    while true {
      var child = 2 * place + 1
      guard child < heap.count else { return }
      if child + 1 < heap.count, precedes(child + 1, child) { child += 1 }
      guard precedes(child, place) else { return }
      heap.swapAt(child, place)
      place = child
    }
  }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    let left = heap[left]
    let right = heap[right]
    if left.key != right.key { return left.key < right.key }
    if readers[left.reader].precedes(readers[right.reader]) { return true }
    return left.reader > right.reader
      && readers[left.reader].hasKey(of: readers[right.reader])
  }
}
