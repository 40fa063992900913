/// Work of many people, of whom each has one piece under way at most; those who wait take turns.
///
/// So somebody who asks for much keeps one thread busy, whatever comes of it, and the others are left to
/// others.
struct FairQueue<Person: Hashable, Work> {
  /// Pieces of one person that may wait; more are refused.
  private let capacity: Int
  private var people: [Person: Waiting] = [:]
  /// People who have work and none under way, the next one first.
  private var order: [Person] = []

  private struct Waiting {
    var work: ArraySlice<Work> = []
    var isUnderWay = false
  }

  init(capacity: Int) { self.capacity = capacity }

  /// What becomes of work that is added.
  enum Addition {
    /// Somebody may begin with it.
    case isDue
    /// Other work of the same person comes first.
    case waits
    case isRefused
  }

  /// Puts work behind that of the same person, unless too much of it waits.
  mutating func add(_ work: Work, for person: Person, isPatient: Bool = false) -> Addition {
    var waiting = people.removeValue(forKey: person) ?? Waiting()
    defer { people[person] = waiting }
    guard isPatient || waiting.work.count < capacity else { return .isRefused }
    let isDue = waiting.work.isEmpty && !waiting.isUnderWay
    if isDue { order.append(person) }
    waiting.work.append(work)
    return isDue ? .isDue : .waits
  }

  /// The next piece, which is under way until it is ended; nil where nobody has any that may begin.
  mutating func take() -> (work: Work, person: Person)? {
    guard !order.isEmpty else { return nil }
    let person = order.removeFirst()
    guard let work = people[person]?.work.popFirst() else { return nil }
    people[person]?.isUnderWay = true
    return (work, person)
  }

  /// A piece has been done: the person's next one may begin when everybody else has had a turn.
  mutating func end(_ person: Person) {
    people[person]?.isUnderWay = false
    if people[person]?.work.isEmpty == false { order.append(person) } else { people[person] = nil }
  }

  /// Forgets what waits.
  mutating func removeAll() {
    order = []
    people = people.filter { $0.value.isUnderWay }
    for person in people.keys { people[person]?.work = [] }
  }
}
