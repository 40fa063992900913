package import JSON
package import QuotaModel

extension JSONWriter {
  package mutating func member(_ name: StaticString, _ moment: Moment) {
    self.name(name)
    self.moment(moment)
  }

  mutating func moment(_ moment: Moment) {
    var text: [UInt8] = []
    text.reserveCapacity(27)
    moment.write(into: &text)
    string(utf8: text)
  }

  package mutating func member(_ name: StaticString, _ position: Position) {
    member(name, position.rawValue)
  }
}
