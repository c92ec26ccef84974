import RollcallCore

/// What becomes of events: rows of `seen_events`, the log, the outbox and the requests in doubt. Each statement writes what it
/// takes out of the outbox, so a call that is repeated after a lost answer finds nothing left to do. What is made of an event is
/// decided by ``EventState``.
enum PostgresEventOutcomes {
    // MARK: Outcomes of requests

    /// Gives how many changes had an outcome. Parameters: `$1` run, `$2` sync, `$3` and `$4` bounds of the sequences, `$5` to `$17`
    /// the outcomes, `$18` and `$19` what is logged.
    static let carryOut = """
        \(PostgresOutcomeStatements.given(from: 5)), gone AS (
            DELETE FROM sync_changes c USING batch b
             WHERE c.run_id = $1::uuid AND c.kind = 'send' AND c.sequence BETWEEN $3::bigint AND $4::bigint
               AND c.sequence BETWEEN b.lower AND b.upper
            RETURNING c.sequence, c.fingerprint, c.logged_email, c.logged_user_id, c.logged_key, c.content, c.event_id, c.position,
                      c.was_waiting, \(body("c")), b.http_status, b.attempts, b.settles, b.outcome, b.code, b.reason
        ), resolved AS (
            SELECT g.sequence, g.fingerprint, g.logged_email, g.logged_user_id, g.logged_key, g.content, g.event_id, g.position,
                   g.was_waiting, \(body("g")), g.attempts, COALESCE(e.outcome, g.outcome) AS outcome,
                   CASE WHEN e.sequence IS NULL THEN g.code ELSE e.code END AS error_code,
                   CASE WHEN e.sequence IS NULL THEN g.reason ELSE e.reason END AS error_reason,
                   COALESCE(e.http_status, g.http_status) AS http_status,
                   to_timestamp(g.settles / 1000.0) AS settles_at
              FROM gone g LEFT JOIN exception e ON e.sequence = g.sequence
        ), logged AS (
            INSERT INTO sync_log (\(loggedColumns))
            SELECT \(logged("r", status: statusOfOutcome, attempts: "r.attempts")) FROM resolved r
             WHERE $18::boolean AND ($19::boolean OR r.outcome <> 'succeeded')
               AND NOT (r.outcome = 'waiting' AND r.was_waiting IS TRUE)
             ORDER BY r.sequence
        ), settling AS (
            INSERT INTO settling_requests (sync_name, list_id, email, user_id, operation, settles_at, fingerprint, content)
            SELECT $2, NULL, email, user_id, '\(track)', settles_at, fingerprint, content
              FROM resolved WHERE settles_at IS NOT NULL AND outcome <> 'not_attempted'
        ), judged AS (
            SELECT r.*, \(EventWords.state(afterOutcome: "r.outcome")) AS state FROM resolved r
        ), written AS (
            \(put("judged")) RETURNING 1
        )
        SELECT count(*) FROM resolved
        """

    private static let statusOfOutcome = "CASE r.outcome WHEN 'rejected' THEN 'failed' ELSE r.outcome END"

    private static func body(_ row: String) -> String { EventWords.body.map { "\(row).\($0)" }.joined(separator: ", ") }

    private static let track = RollcallCore.Operation.track.rawValue

    /// Writes the events of a relation, at most one row for each.
    /// - Parameter source: rows of the outbox with the reason of their outcome and the new `state`; NULL: nothing changes.
    private static func put(_ source: String) -> String {
        """
        INSERT INTO seen_events AS m (\(EventWords.columns))
            SELECT \(EventWords.values(of: "e", sync: "$2", run: "$1::uuid", now: PostgresText.now))
              FROM \(source) e WHERE e.state IS NOT NULL
            ON CONFLICT (sync_name, event_key) DO UPDATE SET \(EventWords.replacing(in: "m"))
        """
    }

    private static let loggedColumns = """
        run_id, sync_name, email, user_id, operation, status, error_code, error_reason, http_status, attempts, logged_at,
        record_key, event_name, event_id
        """

    /// SQL for what stands in ``loggedColumns``.
    private static func logged(_ row: String, status: String, attempts: String) -> String {
        """
        $1::uuid, $2, \(PostgresWarehouse.loggedIdentity(row)), '\(track)', \(status), \(row).error_code,
                   \(row).error_reason, \(row).http_status, \(attempts), \(PostgresText.now), COALESCE(\(row).logged_key, \(row).record_key),
                   \(row).event_name, \(row).event_id
        """
    }

    // MARK: What needs no request

    /// Carries out what needs no request. Returns how many events failed by it.
    static func applyLocal(_ run: SyncRun, _ log: LogSettings, _ session: PostgresSession) throws -> Int {
        try session.modify(skip, [run.id, run.sync])
        let refused = FailureReason.refusedEarlier
        return try session.query(
            waitOrFail, [run.id, run.sync, String(log.retain), refused.code, refused.reason]
        ).count(0, 0)
    }

    private static let skip = skipping("kind = 'skip'")

    /// Of an event that is known only the position changes. There may be millions, of which nothing is known yet: they are entered
    /// in the order of the key. A key may come twice.
    /// - Parameter changes: SQL for those of the run that are meant.
    private static func skipping(_ changes: String) -> String {
        """
        WITH gone AS (
            DELETE FROM sync_changes WHERE run_id = $1::uuid AND \(changes) RETURNING fingerprint, content, position
        )
        INSERT INTO seen_events AS m (sync_name, event_key, state, run_id, at, content, position)
        SELECT $2, fingerprint, '\(EventState.skipped.rawValue)', $1::uuid, \(PostgresText.now), min(content), max(position)
          FROM gone GROUP BY fingerprint ORDER BY fingerprint
        ON CONFLICT (sync_name, event_key) DO UPDATE SET \(EventWords.raising(in: "m"))
        """
    }

    private static let statusOfChange = "CASE e.kind WHEN 'wait' THEN 'waiting' ELSE 'failed' END"

    /// Gives how many failed.
    private static let waitOrFail = """
        WITH gone AS (
            DELETE FROM sync_changes WHERE run_id = $1::uuid AND kind IN ('wait', 'parked') RETURNING *
        ), judged AS (
            SELECT g.sequence, g.kind, g.fingerprint, g.logged_email, g.logged_user_id, g.logged_key, g.content, g.event_id,
                   g.position, g.was_waiting, \(body("g")), \(EventWords.state(afterChange: "g.kind")) AS state,
                   \(EventWords.refusal(of: "g", code: "$4", reason: "$5")), NULL::integer AS http_status
              FROM gone g
        ), logged AS (
            INSERT INTO sync_log (\(loggedColumns))
            SELECT \(logged("e", status: statusOfChange, attempts: "0")) FROM judged e
             WHERE $3::boolean AND NOT (e.kind = 'wait' AND e.was_waiting IS TRUE) ORDER BY e.sequence
        ), written AS (
            \(put("judged")) RETURNING 1
        )
        SELECT count(*) FROM gone WHERE kind = 'parked'
        """

    // MARK: Discarding

    /// What a held run was to do with events is never done; its outbox is empty then. Events that were sent or refused before
    /// stay so.
    static func discard(_ run: SyncRun, _ session: PostgresSession) throws {
        try session.modify(discardUnfinished, [run.id, run.sync])
        try session.modify(discardOthers, [run.id, run.sync])
    }

    private static let discardUnfinished = """
        UPDATE seen_events m SET \(EventWords.skipping(run: "$1::uuid", now: PostgresText.now, content: "c.content"))
          FROM sync_changes c
         WHERE c.run_id = $1::uuid AND m.sync_name = $2 AND m.event_key = c.fingerprint
           AND m.state IN \(EventWords.list(\.isUnfinished))
        """

    private static let discardOthers = skipping("true")
}

extension PostgresWarehouse {
    /// As ``applyLocalChanges(_:_:log:)``, for a run of events.
    func applyLocalEvents(
        _ lease: Lease, _ run: SyncRun, log: LogSettings
    ) async throws(WarehouseError) -> PerOperation {
        try await write(.long) { session in
            // As in `stage` the row lock is taken after the bulk, so that the lease can be renewed meanwhile.
            try Self.look(lease, session)
            guard PostgresText.runID(run.id) != nil else { throw PostgresRunRow.noRun(run.id) }
            var failed = PerOperation()
            failed.track = try PostgresEventOutcomes.applyLocal(run, log, session)
            try Self.prove(lease, session)
            try Self.countFailed(run, failed, session)
            return failed
        }
    }
}
