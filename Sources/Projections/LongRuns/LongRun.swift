internal import LMDB
internal import QuotaModel
internal import Synchronization

/// Rows of a long run from the log on their way to the tables.
///
/// Rows of `history` belong to accounts in no order: each batch of them would touch most pages of the
/// table. So do request ids that do not follow the clock. They are sorted and put aside in files,
/// *runs*, and brought into the tables in one pass at the end, where every page is written once.
///
/// A run is named by the positions that its rows come from. A process that is killed leaves the state
/// at some position, and runs up to there and beyond: what lies beyond is folded again. When the
/// tables have all rows, a mark in them says so before the first run is removed.
final class LongRun: Sendable {
  /// Runs that are merged to one, so that no more than a few dozen are ever open.
  static let runsPerMerge = 64
  private static let mergedKey = Array("runs_merged".utf8)

  let directory: String
  let environment: MarkedEnvironment
  let tables: Tables
  /// The runs in the order of their positions.
  private let runs: Mutex<[RunName]>

  private init(in generation: Generation, _ runs: [RunName]) {
    directory = generation.path
    environment = generation.environment
    tables = generation.tables
    self.runs = Mutex(runs)
  }

  /// Goes on with what an earlier process put aside up to `position`, or begins; nil where the tables
  /// have rows already, among which others would have to find their places.
  static func open(
    in generation: Generation, at position: Position
  ) throws(ProjectionFailure) -> LongRun? {
    let names = try RunDirectory.names(in: generation.path).compactMap(RunName.init)
    let isMerged = try generation.isMarkedAsMerged(mergedKey)
    let kept = isMerged ? [] : RunName.current(of: names, upTo: position)
    for name in Set(names).subtracting(kept) {
      try RunDirectory.remove("\(generation.path)/\(name.text)")
    }
    guard let last = kept.last else {
      return position == .zero && !isMerged ? LongRun(in: generation, []) : nil
    }
    let isWhole = zip(kept, kept.dropFirst()).allSatisfy { $0.last.next == $1.first }
    guard isWhole, kept[0].first == Position.zero.next, last.last == position else {
      throw .malformedRow(table: "runs")
    }
    return LongRun(in: generation, kept)
  }

  /// Whether an earlier process left runs here.
  static func isUnfinished(in directory: String) throws(ProjectionFailure) -> Bool {
    try RunDirectory.names(in: directory).contains { RunName($0) != nil }
  }

  /// Puts rows of all events up to `last` where they are safe.
  func take(_ rows: inout GatheredRows, upTo last: Position) throws(ProjectionFailure) {
    rows.sortRequests()
    let isStored = try storeRequests(of: rows)
    var writer = try RunWriter(in: directory)
    try rows.forEachBlock { (key, value) throws(ProjectionFailure) in
      try writer.append(key, value)
    }
    writer.beginRequests()
    if !isStored {
      try rows.forEachRequest(at: 0..<rows.requestCount) { (key, value) throws(ProjectionFailure) in
        try writer.append(key, value)
      }
    }
    let name = RunName(level: 0, first: rows.start.next, last: last)
    try writer.finish(as: name)
    runs.withLock { $0.append(name) }
  }

  /// Keeps runs few: many of one size become one of the next. Only when the state that is stored has
  /// reached them all, for of a merged run nothing can be folded again.
  func mergeIfMany() throws(ProjectionFailure) {
    while let parts = Self.partsToMerge(of: runs.withLock { $0 }) {
      var writer = try RunWriter(in: directory)
      try merge(parts, .history) { (key, value) throws(ProjectionFailure) in
        try writer.append(key, value)
      }
      writer.beginRequests()
      try merge(parts, .requests) { (key, value) throws(ProjectionFailure) in
        try writer.append(key, value)
      }
      let name = RunName(
        level: parts[0].level + 1, first: parts[0].first, last: parts[parts.count - 1].last)
      try writer.finish(as: name)
      runs.withLock {
        $0.removeLast(parts.count)
        $0.append(name)
      }
      for part in parts { try RunDirectory.remove("\(directory)/\(part.text)") }
    }
  }

  /// Brings all rows into the tables, and removes the runs. When it is interrupted it can be done again.
  func finish() throws(ProjectionFailure) {
    let all = runs.withLock { $0 }
    for table in RunTable.allCases {
      try fill(table, from: all)
    }
    try markAsMerged()
    for run in all { try RunDirectory.remove("\(directory)/\(run.text)") }
    try RunDirectory.remove("\(directory)/\(RunWriter.temporaryName)")
    runs.withLock { $0.removeAll() }
  }

  func merged(
    _ runs: [RunName], _ table: RunTable
  ) throws(ProjectionFailure) -> RunMerge {
    var readers: [RunReader] = []
    for run in runs { readers.append(try RunReader("\(directory)/\(run.text)", table)) }
    return try RunMerge(readers)
  }

  private func merge(
    _ runs: [RunName], _ table: RunTable,
    _ body: (RawSpan, RawSpan) throws(ProjectionFailure) -> Void
  ) throws(ProjectionFailure) {
    var rows = try merged(runs, table)
    while !rows.isAtEnd {
      try rows.withRow(body)
      try rows.advance()
    }
  }

  private static func partsToMerge(of runs: [RunName]) -> [RunName]? {
    let parts = runs.suffix(runsPerMerge)
    guard parts.count == runsPerMerge, parts.allSatisfy({ $0.level == runs[runs.count - 1].level })
    else { return nil }
    return Array(parts)
  }

  private func markAsMerged() throws(ProjectionFailure) {
    try environment.write { (transaction) throws(LMDBError) in
      let key = Self.mergedKey
      try transaction.put(key.rawBytes, under: key.rawBytes, in: tables.meta)
    }
  }
}

extension RunName {
  /// Of runs that a process left behind, those whose events are folded up to `position`, in order,
  /// without the parts of merged ones.
  fileprivate static func current(of names: [RunName], upTo position: Position) -> [RunName] {
    let folded = names.filter { $0.last <= position }
    return
      folded
      .filter { name in !folded.contains { $0.covers(name) } }
      .sorted { $0.first < $1.first }
  }
}

extension Generation {
  /// Whether rows wait beside the tables that an interrupted fold put aside: without them the tables
  /// are not complete.
  public func isInterrupted() throws(ProjectionFailure) -> Bool {
    try LongRun.isUnfinished(in: path)
  }

  fileprivate func isMarkedAsMerged(_ key: [UInt8]) throws(ProjectionFailure) -> Bool {
    try translating { () throws(LMDBError) in
      let transaction = try environment.beginRead()
      return try transaction.get(key.rawBytes, in: tables.meta) != nil
    }
  }
}
