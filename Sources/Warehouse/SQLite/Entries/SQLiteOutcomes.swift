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
    /// nil: the run's list is not known, and it has sent nothing.
    let entries: EntrySet?
    /// nil where `entries` is.
    private let words: EntryWords?
    /// Whether the run sends what is acknowledged once more.
    private let isFull: Bool
    let log: LogSettings

    /// Tables of the writing connection alone, kept in memory.
    static let workTables = """
        CREATE TEMP TABLE rollcall_exceptions (
            sequence INTEGER PRIMARY KEY, outcome TEXT, error_code TEXT, error_reason TEXT, http_status INTEGER);
        CREATE TEMP TABLE rollcall_work (
            sequence INTEGER PRIMARY KEY, operation TEXT, fingerprint BLOB, email TEXT, user_id TEXT,
            logged_email TEXT, logged_user_id TEXT, outcome TEXT, error_code TEXT, error_reason TEXT,
            http_status INTEGER, attempts INTEGER, settles_at TEXT, record_key TEXT, item_id TEXT, content INTEGER,
            logged_key TEXT, values_held BLOB, values_in_doubt BLOB, event_name TEXT, event_id TEXT, was_waiting INTEGER);
        CREATE TEMP TABLE rollcall_older (
            fingerprint BLOB, email TEXT, user_id TEXT, parent INTEGER, record_key TEXT, item_id TEXT, content INTEGER);
        CREATE TEMP TABLE rollcall_transitions (
            relation TEXT, operation TEXT, outcome TEXT, may_still_land INTEGER, before TEXT, action TEXT, state TEXT,
            listed INTEGER, PRIMARY KEY (relation, operation, outcome, may_still_land, before)) WITHOUT ROWID;
        \(transitions)
        """

    /// An operation is one table's, so that its lines have the words of that table. Those of lists with fields have other words
    /// where contents matter, and are those of other lists else.
    private static let transitions = EntryTransition.Relation.allCases.flatMap { relation in
        EntryWords.allCases.flatMap { words in
            words.operations.map { operation in
                """
                INSERT OR IGNORE INTO temp.rollcall_transitions
                SELECT '\(relation.rawValue)', '\(operation.rawValue)', *
                  FROM (VALUES \(TransitionTable.rows(relation, operation.direction, words)));
                """
            }
        }
    }.joined(separator: "\n")

    init(
        _ database: Database, _ run: SyncRun, _ log: LogSettings, sentFields: SentFields = .outbox(from: 0)
    ) throws {
        self.database = database
        (sync, runID, entries, isFull) = (run.sync, run.id, run.entrySet, run.full)
        self.log = log
        let hasFields =
            switch sentFields {
            case .known(let isKnown): isKnown
            case .outbox(let first): try run.kind == .list && Self.hasFields(database, run.id, from: first)
            }
        words = entries.map { EntryWords($0, hasFields: hasFields) }
    }

    /// Whether the outbox of a run of a list has members with fields.
    private static func hasFields(_ database: Database, _ run: String, from first: Int64) throws -> Bool {
        try database.firstRow(
            """
            SELECT content IS NOT NULL FROM rollcall_sync_changes
             WHERE run_id = :run AND sequence >= :first AND kind = 'send' AND operation = 'subscribe'
             ORDER BY sequence LIMIT 1
            """, ["run": .of(run), "first": .of(first)]
        ) { $0.count(0) != 0 } ?? false
    }

    private var names: [String: SQLiteValue] { ["sync": .of(sync), "run": .of(runID)] }

    func change(_ sql: String, _ values: [String: SQLiteValue] = [:]) throws -> Int {
        try database.change(sql, names.merging(values) { $1 })
    }

    /// Columns of the work table that all rows have, in order.
    private static let columns = """
        sequence, operation, fingerprint, email, user_id, logged_email, logged_user_id, outcome, error_code, error_reason,
        http_status, attempts, settles_at
        """

    private var areEvents: Bool { entries == .records(.events) }

    /// Columns of the outbox, and of the work table, that rows of lists do without: each costs them time.
    private func contents(of row: String = "") -> String {
        guard let words, words.haveContents else { return "" }
        let further = areEvents ? ["event_name", "event_id", "was_waiting"] : ["values_held", "values_in_doubt"]
        let logged = words.areRecords ? ["logged_key"] : []
        return (words.contentColumns + logged + further).map { ", \(row)\($0)" }.joined()
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
            INSERT INTO temp.rollcall_work (\(Self.columns)\(contents()))
            SELECT c.sequence, c.operation, c.fingerprint, c.email, c.user_id, c.logged_email, c.logged_user_id,
                   coalesce(e.outcome, 'succeeded'), e.error_code, e.error_reason,
                   coalesce(e.http_status, :http_status), :attempts, :settles_at\(contents(of: "c."))
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
        let insert = try SQLitePrepared(
            database, "INSERT INTO temp.rollcall_exceptions VALUES (?, ?, ?, ?, ?)", isCached: true)
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
    func doubt(through sequence: Int64, mayLandUntil: Date) throws -> PerOperation {
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
            try apply()
        }
    }

    /// Adds a page of changes that may have been sent and whose answer was not recorded. Returns how many.
    private func addUnanswered(through sequence: Int64, mayLandUntil: Date, reason: FailureReason) throws -> Int {
        try change(
            """
            INSERT INTO temp.rollcall_work (\(Self.columns)\(contents()))
            SELECT sequence, operation, fingerprint, email, user_id, logged_email, logged_user_id,
                   'unknown', :code, :reason, NULL, 1, :settles_at\(contents())
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
    func apply() throws {
        if let entries, let words {
            let now = try SQLiteValue.of(SQLiteWarehouse.now(database))
            if areEvents {
                try moveEvents(now)
            } else {
                if isFull { try leaveFailuresToTheNextRun() }
                let set = SQLiteEntryTable(entries).parameter
                try moveSnapshot(SQLiteOutcomeStatements.of(words), ["set": set, "now": now])
                if words == .filledList, try change(SQLiteOutcomeStatements.outdate, ["set": set]) > 0 {
                    try Self.renewGeneration(database, sync: sync)
                }
            }
            let list = entries.listID
            if entries == .records(.users), try hasRenames() { _ = try change(SQLiteOutcomeStatements.settleRenames) }
            _ = try change(
                """
                INSERT INTO rollcall_settling_requests (sync_name, list_id, email, user_id, operation, settles_at,
                    fingerprint, content)
                SELECT :sync, :list, email, user_id, operation, settles_at, iif(:list IS NULL, fingerprint, NULL), content
                  FROM temp.rollcall_work WHERE settles_at IS NOT NULL AND outcome <> 'not_attempted' ORDER BY sequence
                """, ["list": .of(list)])
        }
        try writeLog()
        _ = try change(
            """
            DELETE FROM rollcall_sync_changes WHERE run_id = :run AND sequence IN (
                SELECT c.sequence \(SQLiteOutcomeStatements.supersededChanges))
            """)
        _ = try change(
            """
            DELETE FROM rollcall_sync_changes
             WHERE run_id = :run AND sequence IN (SELECT sequence FROM temp.rollcall_work)
            """)
    }

    private func hasRenames() throws -> Bool {
        try !database.rows("SELECT 1 FROM temp.rollcall_work WHERE operation = 'rename' LIMIT 1") { $0.count(0) }
            .isEmpty
    }

    /// First the older entries of the same people, then the entries of the changes themselves; dropping first, so that an older
    /// entry that one change drops and another one leaves in doubt is dropped.
    private func moveSnapshot(_ statements: SQLiteOutcomeStatements, _ values: [String: SQLiteValue]) throws {
        var changed = 0
        if try change(SQLiteOutcomeStatements.findOlder) > 0 {
            changed += try change(statements.dropSuperseded, values)
            changed += try change(statements.putSuperseded, values)
        }
        changed += try change(statements.drop, values)
        let entered = try change(statements.enter, values)
        changed += entered
        // Entries that were on the snapshot already; what was entered just now stays as it is (EntryTransition is idempotent).
        if try entered < database.firstRow("SELECT count(*) FROM temp.rollcall_work", [:], { $0.count(0) }) ?? 0 {
            changed += try change(statements.put, values)
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
        let hasContents = words?.areRecords ?? false
        let event = areEvents ? ", event_name, event_id" : ""
        // That an event waits is said once.
        let isNews = areEvents ? " AND NOT (outcome = 'waiting' AND was_waiting IS TRUE)" : ""
        _ = try change(
            """
            INSERT INTO rollcall_sync_log (run_id, sync_name, email, user_id, operation, status, error_code,
                error_reason, http_status, attempts, logged_at\(hasContents ? ", record_key, item_id" : "")\(event))
            SELECT :run, :sync, \(Self.loggedAs()), operation,
                   CASE outcome WHEN 'rejected' THEN 'failed' ELSE outcome END, error_code, error_reason,
                   http_status, attempts, \(SQLiteTime.now)\(hasContents ? ", \(Self.loggedKeys())" : "")\(event)
              FROM temp.rollcall_work WHERE (:all OR outcome <> 'succeeded')\(isNews) ORDER BY sequence
            """, ["all": .of(log.records == .all)])
    }

    /// SQL for `email, user_id` of a change as the log shows them.
    static func loggedAs(of row: String? = nil) -> String {
        let row = row.map { $0 + "." } ?? ""
        let isPlain = "\(row)logged_email IS NULL AND \(row)logged_user_id IS NULL"
        return "iif(\(isPlain), \(row)email, \(row)logged_email), iif(\(isPlain), \(row)user_id, \(row)logged_user_id)"
    }

    /// SQL for `record_key, item_id` of a change as the log shows them: where the key is hashed, no id made of it stands there.
    static func loggedKeys(of row: String? = nil) -> String {
        let row = row.map { $0 + "." } ?? ""
        return "coalesce(\(row)logged_key, \(row)record_key), iif(\(row)logged_key IS NULL, \(row)item_id, NULL)"
    }

    // MARK: What was never sent

    /// Logs what is left in the outbox of the run as not attempted, and empties it.
    func giveUpRest(_ reason: FailureReason) throws {
        if isFull { try leaveRestToTheNextRun() }
        if log.retain {
            _ = try change(
                """
                INSERT INTO rollcall_sync_log (run_id, sync_name, email, user_id, operation, status, error_code,
                    error_reason, http_status, attempts, logged_at, record_key, item_id, event_name, event_id)
                SELECT :run, :sync, \(Self.loggedAs()), operation, 'not_attempted', :code, :reason, :http_status, 0,
                       \(SQLiteTime.now), \(Self.loggedKeys()), event_name, event_id
                  FROM rollcall_sync_changes WHERE run_id = :run AND kind IN ('send', 'parked') ORDER BY sequence
                """,
                ["code": .of(reason.code), "reason": .of(reason.reason), "http_status": .of(reason.httpStatus)])
        }
        _ = try change("DELETE FROM rollcall_sync_changes WHERE run_id = :run")
    }

    // MARK: What a full run does not send

    private static let page: Int64 = 10_000

    /// In pages: SQLite keeps the rows that an UPDATE has found in memory.
    private func leaveRestToTheNextRun() throws {
        let bounds = try database.firstRow(
            "SELECT min(sequence), max(sequence) FROM rollcall_sync_changes WHERE run_id = :run", ["run": .of(runID)]
        ) { ($0.integer(0), $0.integer(1)) }
        guard let first = bounds?.0, let last = bounds?.1 else { return }
        for lower in stride(from: first, through: last, by: Int(Self.page)) {
            try leaveToTheNextRun(
                "rollcall_sync_changes c WHERE c.run_id = :run AND c.sequence BETWEEN :first AND :last AND c.kind = 'send'",
                ["first": .of(lower), "last": .of(lower + Self.page - 1)])
        }
    }

    /// What was sent once more without success. Before its outcome is carried out.
    private func leaveFailuresToTheNextRun() throws {
        try leaveToTheNextRun("temp.rollcall_work c WHERE c.outcome NOT IN ('succeeded', 'rejected')", [:])
    }

    /// - Parameter changes: what follows `FROM`: changes `c`, and conditions on them.
    private func leaveToTheNextRun(_ changes: String, _ values: [String: SQLiteValue]) throws {
        guard let entries, let words, !areEvents else { return }
        let common: [String: SQLiteValue] = [
            "set": SQLiteEntryTable(entries).parameter, "now": .of(try SQLiteWarehouse.now(database)),
        ]
        let count = try change(
            """
            UPDATE \(SQLiteEntryTable.name(words)) AS m SET \(TransitionTable.unsent(words, run: ":run", now: ":now"))
              FROM \(changes)
               AND \(SQLiteEntryTable.isOfSet(words, "m")) AND m.fingerprint = c.fingerprint
               AND \(TransitionTable.isSentAgain("c", "m", words))
            """, common.merging(values) { $1 })
        if count > 0 { try Self.renewGeneration(database, sync: sync) }
    }
}
