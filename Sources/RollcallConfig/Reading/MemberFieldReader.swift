internal import RollcallCore

/// Reads what a sync of a list says of the fields that are sent with each member.
enum MemberFieldReader {
    /// nil: none are sent, or what is written is wrong.
    static func read(_ sync: SectionReader) -> MemberFieldSettings? {
        let nulls = sync.choice(RecordKeys.nulls, of: NullRule.self)
        guard sync.has(RecordKeys.fields) else {
            for key in [RecordKeys.except, RecordKeys.nulls] where sync.has(key) {
                sync.report(
                    at: key, "\(sync.path(of: key.name)) stands without fields",
                    hint: "Without fields, none are sent. Take it out, or add fields.")
            }
            return nil
        }
        guard let fields = FieldReader.selection(sync, .list) else { return nil }
        let settings = MemberFieldSettings(fields: fields, nulls: nulls?.value ?? .clear)
        UserFields.checkNulls(settings.ofUsers, sync, .list)
        return settings
    }
}
