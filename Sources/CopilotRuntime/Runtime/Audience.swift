internal import QuotaModel
internal import QuotaService

/// The clients that have shown who they are, by what they may see: whoever tells of a session looks at no others.
struct Audience {
  private var groups: [SessionViewer: [ObjectIdentifier: RuntimeClient]] = [:]
  private var viewers: [ObjectIdentifier: SessionViewer] = [:]

  var isEmpty: Bool { viewers.isEmpty }

  /// A client has shown who it is, perhaps as somebody else than before.
  mutating func add(_ client: RuntimeClient) {
    remove(client)
    guard let viewer = client.identity?.viewer else { return }
    viewers[ObjectIdentifier(client)] = viewer
    groups[viewer, default: [:]][ObjectIdentifier(client)] = client
  }

  mutating func remove(_ client: RuntimeClient) {
    let id = ObjectIdentifier(client)
    guard let viewer = viewers.removeValue(forKey: id) else { return }
    groups[viewer]?[id] = nil
    if groups[viewer]?.isEmpty == true { groups[viewer] = nil }
  }

  /// Those who may see a session.
  func clients(seeing session: Session) -> [RuntimeClient] {
    let owners = session.user.flatMap { groups[.user($0)] }
    return [groups[.everybody], owners].flatMap { $0.map { Array($0.values) } ?? [] }
  }
}
