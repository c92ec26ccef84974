import RollcallCore

/// The columns of the outbox, in the order in which both warehouses write them.
enum OutboxColumns {
    private static let common = [
        "run_id", "sequence", "kind", "operation", "fingerprint", "email", "user_id", "not_before", "parent",
        "logged_email", "logged_user_id",
    ]
    private static let contents = [
        "record_key", "item_id", "content", "payload", "logged_key", "values_held", "values_in_doubt", "error_code",
        "error_reason",
    ]
    private static let events = ["event_id", "event_name", "position", "happened", "first_seen", "was_waiting"]

    private static let fields = ["content", "payload", "values_held", "values_in_doubt"]

    /// Those that changes of a kind have: each costs time.
    /// - Parameter hasFields: of lists: whether members are sent with fields.
    static func of(_ kind: RecordKind, hasFields: Bool) -> [String] {
        switch kind {
        case .list: hasFields ? common + fields : common
        case .users, .catalog: common + contents
        case .events: common + contents + events
        }
    }
}
