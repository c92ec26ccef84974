internal import RollcallCore

/// Reads `state` of the warehouses: in which of them state and logs of a warehouse's syncs live.
struct StateReader {
    /// Of all warehouses of the file, also of those that are wrong.
    let names: [String]
    let entries: [SectionReader.Named]

    /// Of each warehouse that is only read: the name of the one that holds the state of its syncs. What is wrong has been reported.
    func read() -> [String: String] {
        entries.reduce(into: [:]) { states, entry in states[entry.name] = state(of: entry) }
    }

    private func state(of entry: SectionReader.Named) -> String? {
        let (key, reader) = (WarehouseKeys.state, entry.reader)
        guard let state = reader.reference(key, to: names, what: "warehouse") else { return nil }
        let path = reader.path(of: key.name)
        guard state != entry.name else {
            reader.report(
                at: key, "\(path) is the warehouse itself", expected: "another warehouse",
                hint: "Leave state out: state lives in the warehouse itself then.")
            return nil
        }
        if let further = entries.first(where: { $0.name == state })?.reader, further.isMeant(key) {
            reader.report(
                at: key, "\(path) is \(state), which is only read itself", expected: "a warehouse without state",
                hint: "Name the warehouse that holds the state, or take the key state out of \(further.path).")
            return nil
        }
        refuseSchema(of: entry, state: state)
        return state
    }

    /// `state_schema` says where in a warehouse the state is, and this one has none.
    private func refuseSchema(of entry: SectionReader.Named, state: String) {
        let (key, reader) = (WarehouseKeys.stateSchema, entry.reader)
        guard reader.has(key) else { return }
        reader.report(
            at: key, "\(reader.path(of: key.name)) has no meaning: the state of its syncs lives in \(state)",
            hint: "Take it out. Where \(state) is a postgres warehouse, its own state_schema names the schema.")
    }
}
