/// The members of a JSON object, in order; what is unknown is null.
struct JSONMembers {
  private var members: [String] = []

  var text: String { "{\(members.joined(separator: ","))}" }

  mutating func add(_ name: String, json: String) { members.append("\(JSONLine.quoted(name)):\(json)") }
  mutating func add(_ name: String, _ value: Bool?) { add(name, json: value.map { "\($0)" } ?? "null") }
  mutating func add(_ name: String, _ value: (some BinaryInteger)?) {
    add(name, json: value.map { "\($0)" } ?? "null")
  }
  mutating func add(_ name: String, _ value: String?) {
    add(name, json: value.map(JSONLine.quoted) ?? "null")
  }
}
