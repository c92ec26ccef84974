/// The fields of events. Those of each name have their own types.
extension SandboxState {
    /// The mismatches that refuse a whole request, by field; empty when everything fits. Types that an earlier event
    /// fixes hold for the later ones of its name.
    func mismatches(in rows: [EventRow]) -> [String: JSONValue] {
        var registries = eventFields
        var found: [String: JSONValue] = [:]
        for row in rows where !options.disallowedEventNames.contains(row.eventName) {
            var registry = registries[row.eventName] ?? FieldRegistry()
            let fields = taken(row, by: registry)
            if let mismatch = registry.mismatch(in: fields) {
                found[mismatch.field] = mismatch.json(category: "event")
            } else if !registry.register(fields).isEmpty {
                registries[row.eventName] = registry
            }
        }
        return found
    }

    /// Makes the fields of an event and gives those that are taken; reports which were made and which dropped.
    mutating func takeFields(of row: EventRow, report: inout EventReport) -> [String: JSONValue] {
        let fields = taken(row, by: eventFields[row.eventName] ?? FieldRegistry())
        let dropped = (row.dataFields ?? [:]).keys.filter { !fields.keys.contains($0) }
        report.filteredOutFields.formUnion(dropped)
        report.createdFields.formUnion(eventFields[row.eventName, default: FieldRegistry()].register(fields))
        return fields
    }

    /// The fields without those that are unknown, where none are to be made.
    private func taken(_ row: EventRow, by registry: FieldRegistry) -> [String: JSONValue] {
        let fields = row.dataFields ?? [:]
        let createsNewFields = row.createNewFields ?? options.createsNewFields
        return createsNewFields ? fields : fields.filter { registry.knows($0.key) }
    }
}
