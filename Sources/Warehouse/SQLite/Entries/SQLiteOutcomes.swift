import Foundation
import GRDB
import RollcallCore

/// Carries out what outcomes do to the snapshot, the log, the outbox and the requests in doubt. Outcomes are first brought
/// together with their changes in a work table of the connection; the rest is a fixed number of statements. What an outcome
/// does to an entry is decided by ``EntryTransition``, whose table the connection has as a table.
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
        CREATE TEMP TABLE rollcall_older (fingerprint BLOB, email TEXT, user_id TEXT, parent INTEGER);
        CREATE TEMP TABLE rollcall_transitions (
            relation TEXT, operation TEXT, outcome TEXT, may_still_land INTEGER, before TEXT, action TEXT, state TEXT,
            listed INTEGER, PRIMARY KEY (relation, operation, outcome, may_still_land, before)) WITHOUT ROWID;
        \(transitions)
        """

    private static let transitions = EntryTransition.Relation.allCases.flatMap { relation in
        RollcallCore.Operation.allCases.map { operation in
            """
            INSERT INTO temp.rollcall_transitions
            SELECT '\(relation.rawValue)', '\(operation.rawValue)', *
              FROM (VALUES \(TransitionTable.rows(relation, operation)));
            """
        }
    }.joined(separator: "\n")

    private var names: [String: SQLiteValue] { ["sync": .of(sync), "run": .of(runID)] }

    private func change(_ sql: String, _ values: [String: SQLiteValue] = [:]) throws -> Int {
        try database.change(sql, names.merging(values) { $1 })
    }

    // MARK: Filling the work table

    func clear() throws {
        try database.change("DELETE FROM temp.rollcall_work")
        try database.change("DELETE FROM temp.rollcall_older")
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
                "settles_at": .of(batch.mayLandUntil), "first": .of(batch.sequences.lowerBound),
                "last": .of(batch.sequences.upperBound), "operation": .of(batch.operation.rawValue),
            ])
    }

    private func addExceptions(_ exceptions: [Int64: RecordOutcome]) throws {
        try database.change("DELETE FROM temp.rollcall_exceptions")
        guard !exceptions.isEmpty else { return }
        let insert = try SQLitePrepared(database, "INSERT INTO temp.rollcall_exceptions VALUES (?, ?, ?, ?, ?)")
        for (sequence, outcome) in exceptions {
            try insert.bind(1, .integer(sequence))
            try insert.bind(2, .text(outcome.kind.rawValue))
            try insert.bind(3, .of(outcome.reason?.code))
            try insert.bind(4, .of(outcome.reason?.reason))
            try insert.bind(5, .of(outcome.reason?.httpStatus))
            _ = try insert.step()
            insert.reset()
        }
    }

    /// Gives the changes that may have been sent and whose answer was not recorded the outcome `unknown`, page by page. Returns
    /// how many there were.
    func doubt(through sequence: Int64, list: Int64?, mayLandUntil: Date) throws -> PerOperation {
        var unknown = PerOperation()
        while true {
            try clear()
            guard try addUnanswered(through: sequence, mayLandUntil: mayLandUntil, reason: .answerNotRecorded) > 0
            else {
                return unknown
            }
            let counts = try database.rows("SELECT operation, count(*) FROM temp.rollcall_work GROUP BY operation") {
                ($0.text(0), $0.count(1))
            }
            for (operation, count) in counts {
                if let operation = operation.flatMap(Operation.init) { unknown[operation] += count }
            }
            try apply(listID: list)
        }
    }

    /// Adds a page of changes that may have been sent and whose answer was not recorded. Returns how many.
    private func addUnanswered(through sequence: Int64, mayLandUntil: Date, reason: FailureReason) throws -> Int {
        try change(
            """
            INSERT INTO temp.rollcall_work
            SELECT sequence, operation, fingerprint, email, user_id, logged_email, logged_user_id,
                   'unknown', :code, :reason, NULL, 1, :settles_at
              FROM rollcall_sync_changes
             WHERE run_id = :run AND sequence <= :last AND kind = 'send' ORDER BY sequence LIMIT 10000
            """,
            [
                "last": .of(sequence), "settles_at": .of(mayLandUntil), "code": .of(reason.code),
                "reason": .of(reason.reason),
            ])
    }

    // MARK: Carrying the work table out

    /// Moves snapshot, log, outbox and requests in doubt by what the work table says.
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
                SELECT c.sequence \(Self.superseded))
            """)
        _ = try change(
            """
            DELETE FROM rollcall_sync_changes
             WHERE run_id = :run AND sequence IN (SELECT sequence FROM temp.rollcall_work)
            """)
    }

    /// First the older entries of the same people, then the entries of the changes themselves; dropping first, so that an older
    /// entry that one change drops and another one leaves in doubt is dropped.
    private func moveSnapshot(_ values: [String: SQLiteValue]) throws {
        var changed = 0
        if try change(Self.findOlder) > 0 {
            changed += try change(Self.dropSuperseded, values)
            changed += try change(Self.putSuperseded, values)
        }
        changed += try change(Self.drop, values)
        let entered = try change(Self.enter, values)
        changed += entered
        // Entries that were on the snapshot already; what was entered just now stays as it is (EntryTransition is idempotent).
        if try entered < database.firstRow("SELECT count(*) FROM temp.rollcall_work", [:], { $0.count(0) }) ?? 0 {
            changed += try change(Self.put, values)
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
    /// there are, reads the run's whole outbox instead of this index; in a join, once `ANALYZE` has been run, to make
    /// a Bloom filter of it.
    private static let superseded = """
        FROM rollcall_sync_changes c INDEXED BY rollcall_sync_changes_by_parent
             WHERE c.run_id = :run AND c.kind = 'supersede'
               AND c.parent IN (SELECT w.sequence FROM temp.rollcall_work w)
        """

    private static let findOlder = """
        INSERT INTO temp.rollcall_older SELECT c.fingerprint, c.email, c.user_id, c.parent \(superseded)
        """

    // MARK: What the table of transitions says

    /// Joins the work table (`w`) with what happens to the member (`t`). The member is looked up in a subquery: in a join, once an
    /// `ANALYZE` has been run, SQLite makes a Bloom filter of the whole list.
    ///
    /// - Parameter change: the row, of the work table or of the older entries, whose fingerprint is the member's.
    private static func transitions(_ relation: EntryTransition.Relation, of change: String) -> String {
        """
        CROSS JOIN temp.rollcall_transitions t
                    ON t.relation = '\(relation.rawValue)' AND t.operation = w.operation AND t.outcome = w.outcome
                   AND t.may_still_land = (w.settles_at IS NOT NULL)
                   AND t.before = coalesce((
                        SELECT \(TransitionTable.mark(of: "m")) FROM rollcall_list_members m
                         WHERE m.sync_name = :sync AND m.list_id = :list AND m.fingerprint = \(change).fingerprint), 'absent')
        """
    }

    private static let own = "FROM temp.rollcall_work w \(transitions(.own, of: "w"))"

    private static let ofOlder = """
        FROM temp.rollcall_older o CROSS JOIN temp.rollcall_work w ON w.sequence = o.parent
             \(transitions(.superseded, of: "o"))
        """

    private static let dropSuperseded = """
        DELETE FROM rollcall_list_members WHERE sync_name = :sync AND list_id = :list AND fingerprint IN (
            SELECT o.fingerprint \(ofOlder) WHERE t.action = 'drop')
        """

    private static let putSuperseded = put("o", ofOlder, rejection: false)

    /// Operations that never drop the entry of their change are not looked up for it.
    private static let drop = """
        DELETE FROM rollcall_list_members WHERE sync_name = :sync AND list_id = :list AND fingerprint IN (
            SELECT w.fingerprint \(own) WHERE t.action = 'drop'
               AND w.operation IN (SELECT operation FROM temp.rollcall_transitions WHERE relation = 'own' AND action = 'drop'))
        """

    private static let put = put("w", own, rejection: true)

    /// The entries that the snapshot does not have: the bulk of a first sync, without a look at the table before. An
    /// outcome that keeps who is absent keeps everybody.
    private static let enter = """
        INSERT INTO rollcall_list_members (sync_name, list_id, fingerprint, email, user_id, state, listed,
            since_run_id, since, error_code, error_reason, http_status)
        SELECT :sync, :list, w.fingerprint, w.email, w.user_id, t.state, t.listed, :run, :now,
               \(reason("error_code")), \(reason("error_reason")), \(reason("http_status"))
          FROM temp.rollcall_work w CROSS JOIN temp.rollcall_transitions t
                    ON t.relation = 'own' AND t.operation = w.operation AND t.outcome = w.outcome
                   AND t.may_still_land = (w.settles_at IS NOT NULL) AND t.before = 'absent'
         WHERE t.action = 'put' ON CONFLICT DO NOTHING
        """

    /// The reason of the outcome, where it is the entry's.
    private static func reason(_ column: String) -> String {
        "iif(w.outcome = 'rejected' AND t.state = 'rejected', w.\(column), NULL)"
    }

    /// - Parameters:
    ///   - change: whose identity a new entry gets.
    ///   - rejection: whether the reason of the outcome may be that of the entry.
    private static func put(_ change: String, _ source: String, rejection: Bool) -> String {
        func reason(_ column: String) -> String { rejection ? Self.reason(column) : "NULL" }
        func kept(_ column: String) -> String {
            "\(column) = CASE WHEN excluded.state <> 'rejected' THEN NULL WHEN excluded.error_code IS NULL"
                + " THEN rollcall_list_members.\(column) ELSE excluded.\(column) END"
        }
        return """
            INSERT INTO rollcall_list_members (sync_name, list_id, fingerprint, email, user_id, state, listed,
                since_run_id, since, error_code, error_reason, http_status)
            SELECT :sync, :list, \(change).fingerprint, \(change).email, \(change).user_id, t.state, t.listed, :run, :now,
                   \(reason("error_code")), \(reason("error_reason")), \(reason("http_status"))
              \(source) WHERE t.action = 'put'
                ON CONFLICT (sync_name, list_id, fingerprint) DO UPDATE
               SET state = excluded.state, listed = excluded.listed,
                   since_run_id = iif(rollcall_list_members.state = excluded.state,
                                      rollcall_list_members.since_run_id, excluded.since_run_id),
                   since = iif(rollcall_list_members.state = excluded.state,
                               rollcall_list_members.since, excluded.since),
                   \(kept("error_code")), \(kept("error_reason")), \(kept("http_status"))
            """
    }

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
