internal import LMDB

/// The rows of several runs in the order of their keys, each key once: the latest run's row.
struct RunMerge {
  private let readers: [RunReader]
  /// Indices of the readers that have a row, as a heap: none comes before the one at half its place.
  private var heap: [Int] = []

  /// Begins at the first row. The earliest run comes first.
  init(_ runs: [RunReader]) throws(ProjectionFailure) {
    readers = runs
    for index in readers.indices where try readers[index].advance() { heap.append(index) }
    for place in heap.indices.reversed() { sink(place) }
    try passSuperseded()
  }

  var isAtEnd: Bool { heap.isEmpty }

  /// The current row.
  func withRow<Result, Failure: Error>(
    _ body: (RawSpan, RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try readers[heap[0]].withRow(body)
  }

  mutating func advance() throws(ProjectionFailure) {
    try advance(place: 0)
    try passSuperseded()
  }

  /// Leaves out rows with the current one's key: they are from earlier runs.
  private mutating func passSuperseded() throws(ProjectionFailure) {
    while let place = second, readers[heap[place]].hasKey(of: readers[heap[0]]) {
      try advance(place: place)
    }
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
    if try !readers[heap[place]].advance() {
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
    if readers[left].precedes(readers[right]) { return true }
    return left > right && readers[left].hasKey(of: readers[right])
  }
}
