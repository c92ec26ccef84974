import Foundation
import RollcallCore

/// How a ``SyncRun`` stands in `sync_runs`.
enum PostgresRunRow {
    /// Milliseconds since 1970, for ``PostgresResult/date(_:_:)``.
    static func milliseconds(_ column: String) -> String { "(extract(epoch FROM \(column)) * 1000)::bigint" }

    /// A parameter of milliseconds since 1970.
    static func timestamp(_ parameter: String) -> String { "to_timestamp(\(parameter)::bigint / 1000.0)" }

    static let select = """
        SELECT run_id, sync_name, destination, list_id, "trigger", status, \(milliseconds("started_at")),
               \(milliseconds("finished_at")), error_code, error_message, error_hint, held_by, full_resync,
               \(added.map { "to_jsonb(sync_runs) ->> '\($0)'" }.joined(separator: ", ")),
               \(numbers.joined(separator: ", ")) FROM sync_runs
        """

    /// Columns that tables which no run has upgraded yet lack.
    private static let added = [
        "kind", "target", "counts", "rows_excluded", "waiting", "late", "items_verified", "items_not_verified",
        "read_mode", "read_bytes", "read_seconds", "read_reason",
    ]

    /// Columns that tables of every version have. Those of operations are 0 for other kinds than lists.
    private static let numbers = [
        "rows_read", "rows_invalid", "rows_duplicate", "audience_size", "unchanged", "planned_subscribe",
        "planned_unsubscribe", "succeeded_subscribe", "succeeded_unsubscribe", "failed_subscribe",
        "failed_unsubscribe", "not_attempted", "unknown", "requests_sent", "requests_retried", "rate_limited",
    ]

    /// The values of ``numbers``, and of those of ``added`` that change during a run.
    private static func values(_ run: SyncRun) throws -> [String] {
        let counts = run.counts
        let numbers = [
            counts.rowsRead, counts.invalid, counts.duplicates, counts.audience, counts.unchanged,
            counts.planned.subscribe, counts.planned.unsubscribe, counts.succeeded.subscribe,
            counts.succeeded.unsubscribe, counts.failed.subscribe, counts.failed.unsubscribe,
            counts.notAttempted.total, counts.unknown.total, run.requests.sent, run.requests.retried,
            run.requests.rateLimited, counts.excluded, counts.waiting, counts.late, counts.verified,
            counts.notVerified,
        ]
        return numbers.map { String($0) } + [try counts.operationsJSON(of: run.kind)]
    }

    private static let written =
        numbers + [
            "rows_excluded", "waiting", "late", "items_verified", "items_not_verified", "counts",
        ]

    /// Placeholders for ``values(_:)``, from parameter `first` on.
    private static func placeholders(from first: Int) -> [String] {
        written.enumerated().map { "$\($0 + first)::\($1 == "counts" ? "jsonb" : "bigint")" }
    }

    static func runs(_ result: borrowing PostgresResult) throws -> [SyncRun] {
        var runs: [SyncRun] = []
        for row in 0..<result.rowCount {
            if let run = try run(result, row) { runs.append(run) }
        }
        return runs
    }

    private static func run(_ result: borrowing PostgresResult, _ row: Int) throws -> SyncRun? {
        guard let id = result.text(row, 0), let trigger = result.text(row, 4).flatMap(RunTrigger.init),
            let status = result.text(row, 5).flatMap(RunStatus.init), let startedAt = result.date(row, 6)
        else { return nil }
        var run = SyncRun(
            id: id, sync: result.text(row, 1) ?? "", destination: result.text(row, 2) ?? "", trigger: trigger,
            status: status, startedAt: startedAt)
        run.listID = result.integer(row, 3)
        run.finishedAt = result.date(row, 7)
        if let code = result.text(row, 8) {
            run.error = RunError(code: code, message: result.text(row, 9) ?? "", hint: result.text(row, 10))
        }
        if let held = result.text(row, 11) {
            run.held = (try? JSONDecoder().decode([GuardFinding].self, from: Data(held.utf8))) ?? []
        }
        run.full = result.boolean(row, 12)
        run.kind = result.text(row, 13).flatMap(RecordKind.init) ?? .list
        run.target = result.text(row, 14)
        readNumbers(result, row, &run)
        run.counts.excluded = result.count(row, 16)
        run.counts.waiting = result.count(row, 17)
        run.counts.late = result.count(row, 18)
        run.counts.verified = result.count(row, 19)
        run.counts.notVerified = result.count(row, 20)
        run.read = AudienceRead(
            mode: result.text(row, 21), bytes: result.integer(row, 22),
            seconds: result.text(row, 23).flatMap { Double($0) }, reason: result.text(row, 24))
        if let counts = result.text(row, 15) {
            if run.kind == .list {
                run.counts.readListOperations(counts)
            } else {
                try run.counts.readOperations(counts)
            }
        }
        return run
    }

    private static func readNumbers(_ result: borrowing PostgresResult, _ row: Int, _ run: inout SyncRun) {
        var column = 25
        func next() -> Int {
            defer { column += 1 }
            return result.count(row, column)
        }
        run.counts.rowsRead = next()
        run.counts.invalid = next()
        run.counts.duplicates = next()
        run.counts.audience = next()
        run.counts.unchanged = next()
        run.counts.planned = PerOperation(subscribe: next(), unsubscribe: next())
        run.counts.succeeded = PerOperation(subscribe: next(), unsubscribe: next())
        run.counts.failed = PerOperation(subscribe: next(), unsubscribe: next())
        run.counts.readTotals(notAttempted: next(), unknown: next())
        run.requests = RequestCounts(sent: next(), retried: next(), rateLimited: next())
    }

    /// Writes the run as a new row, `running`; nothing if its id is there already. Says whether it was written.
    static func insert(_ run: SyncRun, _ session: PostgresSession) throws -> Bool {
        let columns =
            [
                "run_id", "sync_name", "destination", "list_id", "\"trigger\"", "started_at", "full_resync", "kind",
                "target",
            ]
            + written
        let inserted = try session.modify(
            """
            INSERT INTO sync_runs (\(columns.joined(separator: ", ")), status)
            VALUES ($1::uuid, $2, $3, $4::bigint, $5, \(timestamp("$6")), $7::boolean, $8, $9,
                    \(placeholders(from: 10).joined(separator: ", ")), 'running')
            ON CONFLICT (run_id) DO NOTHING
            """,
            [
                run.id, run.sync, run.destination, run.listID.map { String($0) }, run.trigger.rawValue,
                String(PostgresText.milliseconds(run.startedAt)), String(run.full), run.kind.rawValue, run.target,
            ] + values(run))
        return inserted == 1
    }

    /// Writes what changes while a run is delivered: counts, requests and error.
    static func updateProgress(_ run: SyncRun, _ session: PostgresSession) throws {
        try update(run, session, further: "", [])
    }

    /// Writes everything about a run but its beginning. `finished_at` is the run's own, or now, in a final status.
    static func updateState(_ run: SyncRun, _ session: PostgresSession) throws {
        try run.proveBalance()
        let finished = run.finishedAt.map { String(PostgresText.milliseconds($0)) }
        let held = run.held.isEmpty ? nil : String(decoding: try JSONEncoder().encode(run.held), as: UTF8.self)
        let first = written.count + 6
        let end =
            run.status.isFinal
            ? "COALESCE(\(timestamp("$\(first + 2)")), \(PostgresText.now))"
            : "CASE WHEN false THEN \(timestamp("$\(first + 2)")) END"
        try update(
            run, session,
            further: """
                , status = $\(first), list_id = COALESCE($\(first + 1)::bigint, list_id), finished_at = \(end),
                  held_by = COALESCE($\(first + 3), held_by), full_resync = $\(first + 4)::boolean,
                  target = COALESCE($\(first + 5), target), read_mode = COALESCE($\(first + 6), read_mode),
                  read_bytes = COALESCE($\(first + 7)::bigint, read_bytes),
                  read_seconds = COALESCE($\(first + 8)::double precision, read_seconds),
                  read_reason = COALESCE($\(first + 9), read_reason)
                """,
            [
                run.status.rawValue, run.listID.map { String($0) }, finished, held, String(run.full), run.target,
                run.read?.mode.rawValue, run.read?.bytes.map { String($0) }, run.read.map { String($0.seconds) },
                run.read?.reason,
            ])
    }

    private static func update(
        _ run: SyncRun, _ session: PostgresSession, further: String, _ parameters: [String?]
    ) throws {
        let counts = zip(written, placeholders(from: 6)).map { "\($0) = \($1)" }.joined(separator: ", ")
        let updated = try session.modify(
            """
            UPDATE sync_runs SET error_code = $3, error_message = $4, error_hint = $5, \(counts)\(further)
             WHERE run_id = $1::uuid AND sync_name = $2
            """,
            [run.id, run.sync, run.error?.code, run.error?.message, run.error?.hint]
                + values(run) + parameters)
        guard updated == 1 else { throw noRun(run.id) }
    }

    static func isRunning(_ run: SyncRun, _ session: PostgresSession) throws -> Bool {
        try session.query(
            "SELECT 1 FROM sync_runs WHERE run_id = $1::uuid AND sync_name = $2 AND status = 'running'",
            [run.id, run.sync]
        ).rowCount == 1
    }

    /// - Throws: ``WarehouseError/Kind/conflict`` unless the run is running and of the lease's sync.
    static func proveRunning(_ run: SyncRun, of lease: Lease, _ session: PostgresSession) throws {
        guard PostgresText.runID(run.id) != nil, run.sync == lease.sync, try isRunning(run, session) else {
            throw WarehouseError(.conflict, "The run \(run.id) of the sync \(lease.sync) is not running.")
        }
    }

    static func noRun(_ id: String) -> WarehouseError {
        WarehouseError(.conflict, "There is no run \(id) of this sync.")
    }
}
