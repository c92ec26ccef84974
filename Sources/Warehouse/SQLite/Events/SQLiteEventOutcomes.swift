import GRDB
import RollcallCore

/// What becomes of events: rows of `rollcall_seen_events`. What is made of an event is decided by ``EventState``.
extension SQLiteOutcomes {
    // MARK: Outcomes of requests

    /// Moves the events of the work table, whose bodies are still in the outbox.
    func moveEvents(_ now: SQLiteValue) throws {
        _ = try change(Self.move, ["now": now])
    }

    private static let move = put(
        """
        SELECT c.fingerprint, c.event_id, c.content, c.position, \(body), w.error_code, w.error_reason, w.http_status,
               \(EventWords.state(afterOutcome: "w.outcome")) AS state
          FROM temp.rollcall_work w CROSS JOIN rollcall_sync_changes c ON c.run_id = :run AND c.sequence = w.sequence
        """)

    private static let body = EventWords.body.map { "c.\($0)" }.joined(separator: ", ")

    /// Writes events, at most one row for each.
    /// - Parameter source: rows of the outbox with the reason of their outcome and the new `state`; NULL: nothing changes.
    private static func put(_ source: String) -> String {
        """
        INSERT INTO rollcall_seen_events (\(EventWords.columns))
        SELECT \(EventWords.values(of: "e", sync: ":sync", run: ":run", now: ":now"))
          FROM (\(source)) e WHERE e.state IS NOT NULL
            ON CONFLICT (sync_name, event_key) DO UPDATE
           SET \(EventWords.replacing(in: "rollcall_seen_events"))
        """
    }

    // MARK: What needs no request

    /// Carries out what needs no request, and takes it out of the outbox. Returns how many events failed by it.
    func applyLocalEvents() throws -> PerOperation {
        let values: [String: SQLiteValue] = [
            "now": .of(try SQLiteWarehouse.now(database)), "code": .of(FailureReason.refusedEarlier.code),
            "reason": .of(FailureReason.refusedEarlier.reason),
        ]
        _ = try change(Self.skip, values)
        _ = try change(Self.waitOrFail, values)
        if log.retain { _ = try change(Self.logLocal, values) }
        var failed = PerOperation()
        failed.track = try change(Self.delete + " AND kind = 'parked'")
        _ = try change(Self.delete + " AND kind IN ('skip', 'wait')")
        return failed
    }

    private static let delete = "DELETE FROM rollcall_sync_changes WHERE run_id = :run"

    private static let skip = skipping("kind = 'skip'")

    /// Of an event that is known only the position changes. There may be millions, of which nothing is known yet: they are entered
    /// in the order of the key. A key may come twice.
    /// - Parameter changes: SQL for those of the run that are meant.
    private static func skipping(_ changes: String) -> String {
        """
        INSERT INTO rollcall_seen_events (sync_name, event_key, state, run_id, at, content, position)
        SELECT :sync, fingerprint, '\(EventState.skipped.rawValue)', :run, :now, min(content), max(position)
          FROM rollcall_sync_changes WHERE run_id = :run AND \(changes) GROUP BY fingerprint ORDER BY fingerprint
            ON CONFLICT (sync_name, event_key) DO UPDATE SET \(EventWords.raising(in: "rollcall_seen_events"))
        """
    }

    private static let waitOrFail = put(
        """
        SELECT c.fingerprint, c.event_id, c.content, c.position, \(body), NULL AS http_status,
               \(EventWords.state(afterChange: "c.kind")) AS state, \(refusal)
          FROM rollcall_sync_changes c WHERE c.run_id = :run AND c.kind IN ('wait', 'parked')
        """)

    private static let refusal = EventWords.refusal(of: "c", code: ":code", reason: ":reason")

    private static let logLocal = """
        INSERT INTO rollcall_sync_log (run_id, sync_name, email, user_id, operation, status, error_code, error_reason,
            attempts, logged_at, record_key, event_name, event_id)
        SELECT :run, :sync, \(loggedAs(of: "c")), c.operation, iif(c.kind = 'wait', 'waiting', 'failed'),
               \(refusal), 0, :now, coalesce(c.logged_key, c.record_key), c.event_name, c.event_id
          FROM rollcall_sync_changes c
         WHERE c.run_id = :run AND c.kind IN ('wait', 'parked') AND NOT (c.kind = 'wait' AND c.was_waiting IS TRUE)
         ORDER BY c.sequence
        """

    // MARK: Discarding

    /// What a held run was to do with events is never done. Events that were sent or refused before stay so.
    func discardEvents() throws {
        let values: [String: SQLiteValue] = ["now": .of(try SQLiteWarehouse.now(database))]
        _ = try change(Self.discardUnfinished, values)
        _ = try change(Self.discardOthers, values)
    }

    private static let discardUnfinished = """
        UPDATE rollcall_seen_events AS m SET \(EventWords.skipping(run: ":run", now: ":now", content: "c.content"))
          FROM rollcall_sync_changes c
         WHERE c.run_id = :run AND m.sync_name = :sync AND m.event_key = c.fingerprint
           AND m.state IN \(EventWords.list(\.isUnfinished))
        """

    private static let discardOthers = skipping("true")
}
