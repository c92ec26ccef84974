import RollcallCore

extension EventState {
    /// What an outcome makes of an event; nil: the event stays as it was.
    static func after(_ outcome: RecordOutcome.Kind) -> EventState? {
        switch outcome {
        case .succeeded: .sent
        case .failed, .rejected: .rejected
        case .unknown: .sending
        case .waiting: .waiting
        case .notAttempted: nil
        }
    }

    /// What a change that needs no request makes of an event; nil: there is no such change of events.
    static func after(_ change: ChangeKind) -> EventState? {
        switch change {
        case .skip: .skipped
        case .wait: .waiting
        case .parked: .rejected
        case .send, .forget, .release, .supersede, .outdate: nil
        }
    }

    /// Whether everything is kept that it takes to send the event.
    var isWhole: Bool { isUnfinished || self == .rejected }
    /// Whether there is a reason for it.
    var hasReason: Bool { self == .waiting || self == .rejected }
}

/// The table `seen_events`, and ``EventState`` as SQL. The text is the same for PostgreSQL and SQLite.
enum EventWords {
    /// Columns that a row has while its event ``EventState/isWhole``, with the names that they have in the outbox.
    static let body = ["record_key", "email", "user_id", "event_name", "payload", "happened", "first_seen"]
    private static let reasons = ["error_code", "error_reason", "http_status"]
    private static let moment = ["run_id", "at"]
    private static let others: [String] = ["state", "event_id", "content", "position"] + body + reasons

    /// Columns of the table, in the order of ``values(of:run:now:)``.
    static let columns: String = (["sync_name", "event_key"] + moment + others).joined(separator: ", ")

    /// SQL for a list of states, for `IN`.
    static func list(_ isMeant: (EventState) -> Bool) -> String {
        "(\(EventState.allCases.filter(isMeant).map { "'\($0.rawValue)'" }.joined(separator: ", ")))"
    }

    /// SQL for the state after an outcome; NULL: as before.
    static func state(afterOutcome column: String) -> String {
        choice(column, RecordOutcome.Kind.allCases.map { (word: $0.rawValue, state: EventState.after($0)) })
    }

    /// SQL for the state after a change that needs no request.
    static func state(afterChange column: String) -> String {
        choice(column, ChangeKind.allCases.map { (word: $0.rawValue, state: EventState.after($0)) })
    }

    private static func choice(_ column: String, _ cases: [(word: String, state: EventState?)]) -> String {
        let lines = cases.compactMap { line in line.state.map { "WHEN '\(line.word)' THEN '\($0.rawValue)'" } }
        return "CASE \(column) \(lines.joined(separator: " ")) END"
    }

    /// SQL for what stands in ``columns``.
    /// - Parameters:
    ///   - row: of the outbox, with the reason of its outcome and the column `state`.
    ///   - sync: SQL for the name of the sync; `run` and `now` are the run and its time.
    static func values(of row: String, sync: String, run: String, now: String) -> String {
        func only(_ column: String, _ isMeant: (EventState) -> Bool) -> String {
            "CASE WHEN \(row).state IN \(list(isMeant)) THEN \(row).\(column) END"
        }
        let id = only("event_id") { $0 != .skipped }
        var values = [sync, "\(row).fingerprint", run, now, "\(row).state", id, "\(row).content", "\(row).position"]
        values += body.map { only($0, \.isWhole) }
        values += reasons.map { only($0, \.hasReason) }
        return values.joined(separator: ", ")
    }

    /// What follows `DO UPDATE SET`: the new row in the place of the old one. Run and time stay where neither the state nor the
    /// content changes.
    /// - Parameter table: the table, or its alias.
    static func replacing(in table: String) -> String {
        let isSame = "\(table).state = excluded.state AND \(table).content = excluded.content"
        let kept = moment.map { "\($0) = CASE WHEN \(isSame) THEN \(table).\($0) ELSE excluded.\($0) END" }
        let replaced = others.filter { $0 != "position" }.map { "\($0) = excluded.\($0)" }
        return (kept + replaced + [raising(in: table)]).joined(separator: ", ")
    }

    /// What follows `DO UPDATE SET` where only the position changes. A row may be met further on than before; its key is kept as long
    /// as the highest position asks for.
    static func raising(in table: String) -> String {
        "position = CASE WHEN excluded.position IS NULL OR \(table).position > excluded.position THEN \(table).position"
            + " ELSE excluded.position END"
    }

    /// What follows `SET` for an event that is never sent any more: nothing of its body is left.
    static func skipping(run: String, now: String, content: String) -> String {
        let state = "state = '\(EventState.skipped.rawValue)'"
        let values = [state, "run_id = \(run)", "at = \(now)", "content = \(content)", "event_id = NULL"]
        return (values + (body + reasons).map { "\($0) = NULL" }).joined(separator: ", ")
    }

    /// SQL for `error_code, error_reason` of a change that is not sent: its own refusal; else, where it fails, that it was refused
    /// before.
    /// - Parameters:
    ///   - row: of the outbox.
    ///   - code: SQL for what is said of a refusal before; so is `reason`.
    static func refusal(of row: String, code: String, reason: String) -> String {
        let isSilent = "\(row).kind = 'parked' AND \(row).error_code IS NULL"
        return "CASE WHEN \(isSilent) THEN \(code) ELSE \(row).error_code END AS error_code,"
            + " CASE WHEN \(isSilent) THEN \(reason) ELSE \(row).error_reason END AS error_reason"
    }
}
