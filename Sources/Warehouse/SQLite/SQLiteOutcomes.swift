import Foundation
import GRDB
import RollcallCore

/// What outcomes do to the snapshot, the log, the outbox and the settling requests. Outcomes are first brought
/// together with their changes in a work table of the connection; the rest is a fixed number of statements.
struct SQLiteOutcomes {
    let database: Database
    let sync: String
    let runID: String
    let log: LogSettings

    /// Tables of the writing connection alone, kept in memory.
    static let workTables = """
        CREATE TEMP TABLE rollcall_exceptions (
            sequence INTEGER PRIMARY KEY, outcome TEXT, error_code TEXT, error_reason TEXT, http_status INTEGER);
        CREATE TEMP TABLE rollcall_work (
            sequence INTEGER PRIMARY KEY, operation TEXT, fingerprint BLOB, email TEXT, user_id TEXT,
            logged_email TEXT, logged_user_id TEXT, outcome TEXT, error_code TEXT, error_reason TEXT,
            http_status INTEGER, attempts INTEGER, settles_at TEXT);
        """

    private var names: [String: SQLiteValue] { ["sync": .of(sync), "run": .of(runID)] }

    private func change(_ sql: String, _ values: [String: SQLiteValue] = [:]) throws -> Int {
        try database.change(sql, names.merging(values) { $1 })
    }

    // MARK: Filling the work table

    func clear() throws {
        try database.change("DELETE FROM temp.rollcall_work")
    }

    /// Adds the changes of one batch that are still in the outbox.
    func add(_ batch: BatchOutcome) throws {
        try addExceptions(batch.exceptions)
        _ = try change(
            """
            INSERT INTO temp.rollcall_work
            SELECT c.sequence, c.operation, c.fingerprint, c.email, c.user_id, c.logged_email, c.logged_user_id,
                   coalesce(e.outcome, 'succeeded'), e.error_code, e.error_reason,
                   coalesce(e.http_status, :http_status), :attempts, :settles_at
              FROM rollcall_sync_changes c LEFT JOIN temp.rollcall_exceptions e ON e.sequence = c.sequence
             WHERE c.run_id = :run AND c.sequence BETWEEN :first AND :last AND c.kind = 'send'
               AND c.operation = :operation
                ON CONFLICT DO NOTHING
            """,
            [
                "http_status": .of(batch.httpStatus), "attempts": .of(batch.attempts),
                "settles_at": .of(batch.settlesAt), "first": .of(batch.sequences.lowerBound),
                "last": .of(batch.sequences.upperBound), "operation": .of(batch.operation.rawValue),
            ])
    }

    private func addExceptions(_ exceptions: [Int64: RecordOutcome]) throws {
        try database.change("DELETE FROM temp.rollcall_exceptions")
        guard !exceptions.isEmpty else { return }
        let insert = try SQLitePrepared(database, "INSERT INTO temp.rollcall_exceptions VALUES (?, ?, ?, ?, ?)")
        for (sequence, outcome) in exceptions {
            let (name, reason) = Self.describe(outcome)
            try insert.bind(1, .integer(sequence))
            try insert.bind(2, .text(name))
            try insert.bind(3, .of(reason?.code))
            try insert.bind(4, .of(reason?.reason))
            try insert.bind(5, .of(reason?.httpStatus))
            _ = try insert.step()
            insert.reset()
        }
    }

    private static func describe(_ outcome: RecordOutcome) -> (name: String, reason: FailureReason?) {
        switch outcome {
        case .succeeded: ("succeeded", nil)
        case .failed(let reason): ("failed", reason)
        case .rejected(let reason): ("rejected", reason)
        case .unknown(let reason): ("unknown", reason)
        case .notAttempted(let reason): ("not_attempted", reason)
        }
    }

    /// Adds a page of changes that may have been sent and whose answer nobody recorded. Returns how many.
    func addUnanswered(through sequence: Int64, settlesAt: Date, reason: FailureReason) throws -> Int {
        try change(
            """
            INSERT INTO temp.rollcall_work
            SELECT sequence, operation, fingerprint, email, user_id, logged_email, logged_user_id,
                   'unknown', :code, :reason, NULL, 1, :settles_at
              FROM rollcall_sync_changes
             WHERE run_id = :run AND sequence <= :last AND kind = 'send' ORDER BY sequence LIMIT 10000
            """,
            [
                "last": .of(sequence), "settles_at": .of(settlesAt), "code": .of(reason.code),
                "reason": .of(reason.reason),
            ])
    }

    // MARK: Carrying the work table out

    /// Moves snapshot, log, outbox and settling requests by what the work table says.
    func apply(listID: Int64?) throws {
        if let listID {
            try moveSnapshot(["list": .of(listID), "now": .of(try SQLiteWarehouse.now(database))])
            _ = try change(
                """
                INSERT INTO rollcall_settling_requests (sync_name, list_id, email, user_id, operation, settles_at)
                SELECT :sync, :list, email, user_id, operation, settles_at FROM temp.rollcall_work
                 WHERE settles_at IS NOT NULL AND outcome <> 'not_attempted' ORDER BY sequence
                """, ["list": .of(listID)])
        }
        try writeLog()
        _ = try change(
            """
            DELETE FROM rollcall_sync_changes WHERE run_id = :run AND sequence IN (
                SELECT c.sequence \(Self.superseded(where: "true")))
            """)
        _ = try change(
            """
            DELETE FROM rollcall_sync_changes
             WHERE run_id = :run AND sequence IN (SELECT sequence FROM temp.rollcall_work)
            """)
    }

    private func moveSnapshot(_ values: [String: SQLiteValue]) throws {
        var changed = 0
        for statement in [
            Self.doubtSuperseded, Self.dropSuperseded, Self.subscribe, Self.subscribeMaybe, Self.drop,
            Self.unsubscribeMaybe,
        ] {
            changed += try change(statement, values)
        }
        if changed > 0 { try Self.renewGeneration(database, sync: sync) }
    }

    static func renewGeneration(_ database: Database, sync: String) throws {
        try database.change(
            """
            INSERT INTO rollcall_sync_state (sync_name, generation) VALUES (:sync, :generation)
                ON CONFLICT (sync_name) DO UPDATE SET generation = excluded.generation
            """, ["sync": .of(sync), "generation": .of(Int64.random(in: 1 ... .max))])
    }

    private func writeLog() throws {
        guard log.retain else { return }
        _ = try change(
            """
            INSERT INTO rollcall_sync_log (run_id, sync_name, email, user_id, operation, status, error_code,
                error_reason, http_status, attempts, logged_at)
            SELECT :run, :sync, \(Self.loggedAs), operation,
                   CASE outcome WHEN 'rejected' THEN 'failed' ELSE outcome END, error_code, error_reason,
                   http_status, attempts, \(SQLiteTime.now)
              FROM temp.rollcall_work WHERE :all OR outcome <> 'succeeded' ORDER BY sequence
            """, ["all": .of(log.records == .all)])
    }

    /// SQL for the two columns under which a change appears in the log.
    static let loggedAs = """
        iif(logged_email IS NULL AND logged_user_id IS NULL, email, logged_email),
        iif(logged_email IS NULL AND logged_user_id IS NULL, user_id, logged_user_id)
        """

    /// The outbox rows that hang on a change of the work table. Left to itself SQLite, which knows nothing of how many rows
    /// there are, reads the run's whole outbox instead of this index; in a join, once somebody's `ANALYZE` has told it, to make
    /// a Bloom filter of it.
    ///
    /// - Parameter condition: on the work table.
    private static func superseded(where condition: String) -> String {
        """
        FROM rollcall_sync_changes c INDEXED BY rollcall_sync_changes_by_parent
             WHERE c.run_id = :run AND c.kind = 'supersede'
               AND c.parent IN (SELECT w.sequence FROM temp.rollcall_work w WHERE \(condition))
        """
    }

    private static let dropSuperseded = """
        DELETE FROM rollcall_list_members WHERE sync_name = :sync AND list_id = :list AND fingerprint IN (
            SELECT c.fingerprint \(superseded(where: "w.outcome = 'succeeded'")))
        """

    /// A removal that may have been carried out has removed the older entries of the person too.
    private static let doubtSuperseded = """
        UPDATE rollcall_list_members SET state = 'unsubscribing', since_run_id = :run, since = :now
         WHERE sync_name = :sync AND list_id = :list AND state IN ('subscribed', 'subscribing') AND fingerprint IN (
            SELECT c.fingerprint \(superseded(where: mayBeRemoved)))
        """

    private static let mayBeRemoved = """
        w.operation = 'unsubscribe'
        AND (w.outcome = 'unknown' OR (w.outcome IN ('failed', 'rejected') AND w.settles_at IS NOT NULL))
        """

    /// Subscribed, refused for good, or perhaps subscribed. What is subscribed already stays so when an answer is lost.
    private static let subscribe = """
        INSERT INTO rollcall_list_members (sync_name, list_id, fingerprint, email, user_id, state, listed,
            since_run_id, since, error_code, error_reason, http_status)
        SELECT :sync, :list, fingerprint, email, user_id,
               CASE outcome WHEN 'succeeded' THEN 'subscribed' WHEN 'rejected' THEN 'rejected' ELSE 'subscribing' END,
               outcome <> 'rejected' OR settles_at IS NOT NULL, :run, :now,
               iif(outcome = 'rejected', error_code, NULL), iif(outcome = 'rejected', error_reason, NULL),
               iif(outcome = 'rejected', http_status, NULL)
          FROM temp.rollcall_work
         WHERE operation = 'subscribe' AND outcome IN ('succeeded', 'rejected', 'unknown')
            ON CONFLICT (sync_name, list_id, fingerprint) DO UPDATE
           SET state = excluded.state, listed = max(rollcall_list_members.listed, excluded.listed),
               since_run_id = iif(rollcall_list_members.state = excluded.state,
                                  rollcall_list_members.since_run_id, excluded.since_run_id),
               since = iif(rollcall_list_members.state = excluded.state,
                           rollcall_list_members.since, excluded.since),
               error_code = excluded.error_code, error_reason = excluded.error_reason,
               http_status = excluded.http_status
         WHERE NOT (rollcall_list_members.state = 'subscribed' AND excluded.state IN ('subscribed', 'subscribing'))
        """

    /// Refused in the end, but an earlier attempt may still be carried out.
    private static let subscribeMaybe = """
        INSERT INTO rollcall_list_members (sync_name, list_id, fingerprint, email, user_id, state, listed,
            since_run_id, since)
        SELECT :sync, :list, fingerprint, email, user_id, 'subscribing', 1, :run, :now FROM temp.rollcall_work
         WHERE operation = 'subscribe' AND outcome = 'failed' AND settles_at IS NOT NULL
            ON CONFLICT (sync_name, list_id, fingerprint) DO UPDATE SET listed = 1 WHERE NOT rollcall_list_members.listed
        """

    private static let drop = """
        DELETE FROM rollcall_list_members WHERE sync_name = :sync AND list_id = :list AND fingerprint IN (
            SELECT fingerprint FROM temp.rollcall_work WHERE operation = 'unsubscribe' AND outcome = 'succeeded')
        """

    private static let unsubscribeMaybe = """
        INSERT INTO rollcall_list_members (sync_name, list_id, fingerprint, email, user_id, state, listed,
            since_run_id, since)
        SELECT :sync, :list, fingerprint, email, user_id, 'unsubscribing', 1, :run, :now FROM temp.rollcall_work
         WHERE operation = 'unsubscribe'
           AND (outcome = 'unknown' OR (outcome IN ('failed', 'rejected') AND settles_at IS NOT NULL))
            ON CONFLICT (sync_name, list_id, fingerprint) DO UPDATE
           SET state = 'unsubscribing', listed = 1, since_run_id = excluded.since_run_id, since = excluded.since,
               error_code = NULL, error_reason = NULL, http_status = NULL
         WHERE rollcall_list_members.state <> 'unsubscribing'
        """

    // MARK: What was never sent

    /// Logs what is left in the outbox of the run as not attempted, and empties it.
    func giveUpRest(_ reason: FailureReason) throws {
        if log.retain {
            _ = try change(
                """
                INSERT INTO rollcall_sync_log (run_id, sync_name, email, user_id, operation, status, error_code,
                    error_reason, http_status, attempts, logged_at)
                SELECT :run, :sync, \(Self.loggedAs), operation, 'not_attempted', :code, :reason, :http_status, 0,
                       \(SQLiteTime.now)
                  FROM rollcall_sync_changes WHERE run_id = :run AND kind IN ('send', 'parked') ORDER BY sequence
                """,
                ["code": .of(reason.code), "reason": .of(reason.reason), "http_status": .of(reason.httpStatus)])
        }
        _ = try change("DELETE FROM rollcall_sync_changes WHERE run_id = :run")
    }
}
