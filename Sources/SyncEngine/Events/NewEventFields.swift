import RollcallCore

/// Fields with which no event of its name was sent before, as far as Rollcall knows. Whether Iterable has them all the same, it does not
/// tell: events have no list of fields.
struct NewEventFields {
    private var byName: [(name: String, fields: [RemoteField])] = []

    /// Names of events that are written out.
    private static let mostShown = 5

    mutating func add(_ fields: [RemoteField], of name: String) {
        if !fields.isEmpty { byName.append((name, fields)) }
    }

    /// In whole sentences, for people.
    func texts(_ newFields: UserSettings.NewFields) -> [String] {
        var texts = byName.prefix(Self.mostShown).map { name, fields in
            let list = fields.map { "\($0.name) (\($0.type ?? ""))" }.joined(separator: ", ")
            switch newFields {
            case .create:
                return
                    "No event \(name) was sent with these fields before, and Iterable makes those that it does not have,"
                    + " for ever: \(list)."
            case .refuse:
                return
                    "No event \(name) was sent with these fields before, and Iterable leaves out those that it does not"
                    + " have (new_fields: refuse): \(list)."
            }
        }
        let others = byName.count - texts.count
        if others > 0 { texts.append("The same holds for the events of \(others) more names.") }
        return texts
    }
}
