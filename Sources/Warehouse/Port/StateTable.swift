/// The state tables as far as they have rows of a sync, in the order in which a sync's state is moved. A test compares them
/// with the tables that the migrations make.
///
/// Tables that `serve` writes to without a lease come last, so that they are locked for a moment only.
package enum StateTable: String, Sendable, CaseIterable {
    case changes = "sync_changes"
    case members = "list_members"
    case records = "synced_records"
    case events = "seen_events"
    case log = "sync_log"
    case strayRequests = "stray_requests"
    case settlingRequests = "settling_requests"
    case itemChecks = "item_checks"
    case fieldPlaces = "field_places"
    case cursors = "sync_cursors"
    case runs = "sync_runs"
    case destinationFields = "destination_fields"
    case ticks = "schedule_ticks"
    case state = "sync_state"

    /// Tables that do not move, and why.
    static let staying = [
        "sync_leases":
            "each place has its leases; the tokens of the place that is opened begin above those of the other one",
        "state_identity": "it tells this place from all others",
        "schema_migrations": "it says what the tables are like here",
        "rate_budgets": "of processes, not of syncs", "rate_shares": "of processes, not of syncs",
        "iterable_events": "a receiver's", "iterable_rejects": "a receiver's", "receiver_counts": "a receiver's",
        "receiver_writers": "a receiver's", "receivers": "a receiver's", "receiver_key": "a receiver's",
    ]

    /// All tables of a place with state, in order.
    static let ownNames = (allCases.map(\.rawValue) + staying.keys).sorted()

    /// SQL for the rows of a sync.
    /// - Parameters:
    ///   - sync: SQL for the name of the sync.
    ///   - prefix: what stands before the names of the tables.
    func condition(_ sync: String, prefix: String = "") -> String {
        switch self {
        case .changes: "run_id IN (SELECT run_id FROM \(prefix)sync_runs WHERE sync_name = \(sync))"
        case .destinationFields:
            """
            destination IN (SELECT destination FROM \(prefix)sync_runs WHERE sync_name = \(sync)
                            UNION SELECT destination FROM \(prefix)sync_state WHERE sync_name = \(sync))
            """
        default: "sync_name = \(sync)"
        }
    }

    /// What the rows are read in the order of. The log gets new numbers in the target.
    var order: String {
        switch self {
        case .changes, .strayRequests: "run_id, sequence"
        case .members: "list_id, fingerprint"
        case .records: "kind, fingerprint"
        case .events: "event_key"
        case .log: "record_id"
        case .settlingRequests: "settles_at"
        case .itemChecks: "fingerprint, content"
        case .fieldPlaces: "place"
        case .runs: "run_id"
        case .destinationFields: "destination, scope, field"
        case .ticks: "due_at"
        case .cursors, .state: "sync_name"
        }
    }

    /// Whether its rows belong to other syncs too: what is there stays, but for what is missing or older.
    var isShared: Bool { self == .destinationFields }

    /// SQL behind an INSERT of a shared table's rows: of two that say something of one field, that of the later run counts, whose
    /// id is the higher one.
    /// - Parameter prefix: what stands before the names of the tables.
    func mergingShared(prefix: String = "") -> String {
        """
        ON CONFLICT (destination, scope, field) DO UPDATE
           SET type = excluded.type, first_seen = excluded.first_seen, created_by_run = excluded.created_by_run
         WHERE excluded.created_by_run > \(prefix)\(rawValue).created_by_run
            OR excluded.created_by_run IS NOT NULL AND \(prefix)\(rawValue).created_by_run IS NULL
        """
    }

    /// Whether it is written to without the lease of a sync.
    var isWrittenFreely: Bool { self == .ticks || self == .state }

    /// The column whose values each place gives itself.
    var ownColumn: String? { self == .log ? "record_id" : nil }
}
