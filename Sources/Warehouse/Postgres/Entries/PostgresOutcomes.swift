import Foundation
import RollcallCore

/// Outcomes of one operation as array parameters, and the statements that carry them out: first what they do to older entries
/// of the same people, then what they do to the entries of the changes themselves. What a statement takes out of the outbox is
/// what it logs and what moves the snapshot, so a call that is repeated after a lost answer finds nothing left to do.
///
/// What an outcome does is decided by ``EntryTransition``, whose table the statements join.
struct PostgresOutcomes {
    private let operation: RollcallCore.Operation
    private var ranges: [Range] = []
    private var exceptions: [(sequence: Int64, outcome: String, reason: FailureReason?)] = []

    init(_ operation: RollcallCore.Operation) { self.operation = operation }

    var isEmpty: Bool { ranges.isEmpty }

    /// Consecutive changes with the same outcome, but for the exceptions.
    private struct Range: Equatable {
        var lower: Int64
        var upper: Int64
        var httpStatus: Int?
        var attempts: Int
        var mayLandUntil: Int64?
        var outcome: String
        var reason: FailureReason?

        /// Whether `next` begins where this one ends and differs in nothing else.
        func isContinued(by next: Range) -> Bool {
            var other = self
            (other.lower, other.upper) = (next.lower, next.upper)
            return upper + 1 == next.lower && other == next
        }
    }

    /// `otherwise`: the outcome of the changes that are no exception.
    mutating func add(_ batch: BatchOutcome, otherwise: RecordOutcome = .succeeded) {
        ranges.append(
            Range(
                lower: batch.sequences.lowerBound, upper: batch.sequences.upperBound, httpStatus: batch.httpStatus,
                attempts: batch.attempts, mayLandUntil: batch.mayLandUntil.map(PostgresText.milliseconds),
                outcome: otherwise.kind.rawValue,
                reason: otherwise.reason))
        for (sequence, exception) in batch.exceptions {
            exceptions.append((sequence, exception.kind.rawValue, exception.reason))
        }
    }

    /// Carries the outcomes out. Returns how many changes had one, and whether the snapshot moved.
    func apply(
        _ run: SyncRun, list: Int64, log: LogSettings, _ session: PostgresSession
    ) throws -> (changes: Int, moved: Bool) {
        let ranges = merged()
        let bounds = [ranges.map(\.lower).min(), ranges.map(\.upper).max()].map { $0.map { String($0) } }
        let outcomes: [String?] = [
            PostgresText.array(ranges.map { $0.lower as Int64? }),
            PostgresText.array(ranges.map { $0.upper as Int64? }),
            PostgresText.array(ranges.map(\.httpStatus)), PostgresText.array(ranges.map { $0.attempts as Int? }),
            PostgresText.array(ranges.map(\.mayLandUntil)), PostgresText.array(ranges.map { $0.outcome as String? }),
            try session.array(ranges.map { $0.reason?.code }), try session.array(ranges.map { $0.reason?.reason }),
            PostgresText.array(exceptions.map { $0.sequence as Int64? }),
            PostgresText.array(exceptions.map { $0.outcome as String? }),
            try session.array(exceptions.map { $0.reason?.code }),
            try session.array(exceptions.map { $0.reason?.reason }),
            PostgresText.array(exceptions.map { $0.reason?.httpStatus }),
        ]
        let common = [run.id, run.sync, String(list), operation.rawValue] + bounds + outcomes
        var moved = false
        if try session.query(Self.hasSuperseded, [run.id] + bounds).boolean(0, 0) {
            let statement = operation == .subscribe ? Self.supersedeBySubscribe : Self.supersedeByUnsubscribe
            moved = try session.query(statement, common).count(0, 0) > 0
        }
        let statement = operation == .subscribe ? Self.subscribe : Self.unsubscribe
        let result = try session.query(
            statement, common + [String(log.retain), String(log.records == .all)])
        return (result.count(0, 0), moved || result.count(0, 1) > 0)
    }

    /// The ranges in order, neighbours with the same outcome as one: each range costs a look at each change.
    private func merged() -> [Range] {
        var merged: [Range] = []
        for range in ranges.sorted(by: { $0.lower < $1.lower }) {
            if let last = merged.last, last.isContinued(by: range) {
                merged[merged.count - 1].upper = range.upper
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    /// Settings of a transaction that carries outcomes out. A plan must not depend on what the server happens to know of
    /// tables that a run fills and empties: members are looked up one by one, by their key, in scalar subqueries; what is
    /// joined is joined by hashing.
    static let settings =
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_nestloop = off"

    // MARK: Statements

    /// The word of ``TransitionTable`` for the member whose fingerprint `column` has.
    private static func mark(_ column: String) -> String {
        "COALESCE((SELECT \(TransitionTable.mark(of: "m")) FROM list_members m"
            + " WHERE m.sync_name = $2 AND m.list_id = $3::bigint AND m.fingerprint = \(column)), 'absent')"
    }

    /// The place (`ctid`) of the member whose fingerprint `column` has. It only says where to look: places repeat across the
    /// partitions of a table, so that the row that is taken must have the key as well. By the key alone a server that knows
    /// nothing yet of how many members a sync has goes through all of them.
    private static func place(_ column: String) -> String {
        "(SELECT m.ctid FROM list_members m"
            + " WHERE m.sync_name = $2 AND m.list_id = $3::bigint AND m.fingerprint = \(column))"
    }

    /// The parameters as relations.
    private static let given = """
        WITH batch AS (
            SELECT * FROM unnest($7::bigint[], $8::bigint[], $9::integer[], $10::integer[], $11::bigint[],
                                 $12::text[], $13::text[], $14::text[])
                AS b (lower, upper, http_status, attempts, settles, outcome, code, reason)
        ), exception AS (
            SELECT * FROM unnest($15::bigint[], $16::text[], $17::text[], $18::text[], $19::integer[])
                AS e (sequence, outcome, code, reason, http_status)
        )
        """

    private static func transition(
        _ relation: EntryTransition.Relation, _ operation: RollcallCore.Operation
    ) -> String {
        ", transition (\(TransitionTable.columns)) AS (VALUES \(TransitionTable.rows(relation, operation)))"
    }

    /// Carries out what the relation `write` says of each entry, at most one row for each. New entries are inserted outright: an
    /// insertion that is ready for a conflict costs half as much again.
    private static let carriedOut = """
        , entry AS (
            SELECT $2 AS sync_name, $3::bigint AS list_id, fingerprint, email, user_id, state, listed,
                   $1::uuid AS since_run_id, date_trunc('milliseconds', clock_timestamp()) AS since,
                   CASE WHEN outcome = 'rejected' AND state = 'rejected' THEN code END AS error_code,
                   CASE WHEN outcome = 'rejected' AND state = 'rejected' THEN reason END AS error_reason,
                   CASE WHEN outcome = 'rejected' AND state = 'rejected' THEN http_status END AS http_status, before
              FROM write WHERE action = 'put'
        ), entered AS (
            INSERT INTO list_members (\(entryColumns)) SELECT \(entryColumns) FROM entry WHERE before = 'absent'
            RETURNING 1
        ), changed AS (
            INSERT INTO list_members AS m (\(entryColumns)) SELECT \(entryColumns) FROM entry WHERE before <> 'absent'
            ON CONFLICT (sync_name, list_id, fingerprint) DO UPDATE
               SET state = excluded.state, listed = excluded.listed,
                   since_run_id = CASE m.state WHEN excluded.state THEN m.since_run_id ELSE excluded.since_run_id END,
                   since = CASE m.state WHEN excluded.state THEN m.since ELSE excluded.since END,
                   (error_code, error_reason, http_status) = ROW(
                       \(rejection("error_code")), \(rejection("error_reason")), \(rejection("http_status")))
            RETURNING 1
        ), dropped AS (
            DELETE FROM list_members
             WHERE ctid = ANY (ARRAY(SELECT \(place("w.fingerprint")) FROM write w WHERE w.action = 'drop'))
               AND sync_name || '' = $2 AND list_id + 0 = $3::bigint
               AND (fingerprint IN (SELECT w.fingerprint FROM write w WHERE w.action = 'drop')) IS TRUE
            RETURNING 1
        )
        """

    private static let entryColumns = """
        sync_name, list_id, fingerprint, email, user_id, state, listed, since_run_id, since, error_code, error_reason,
        http_status
        """

    /// A rejection has the reason of this outcome, or keeps its own; no other state has one.
    private static func rejection(_ column: String) -> String {
        "CASE WHEN excluded.state <> 'rejected' THEN NULL WHEN excluded.error_code IS NULL THEN m.\(column)"
            + " ELSE excluded.\(column) END"
    }

    private static let moved =
        "(SELECT count(*) FROM entered) + (SELECT count(*) FROM changed) + (SELECT count(*) FROM dropped)"

    // MARK: The entries of the changes

    private static let subscribe = own(.subscribe)
    private static let unsubscribe = own(.unsubscribe)

    /// Takes the changes out of the outbox and gives each its outcome: log, in-doubt requests and snapshot.
    private static func own(_ operation: RollcallCore.Operation) -> String {
        """
        \(given)\(transition(.own, operation)), gone AS (
            DELETE FROM sync_changes c USING batch b
             WHERE c.run_id = $1::uuid AND c.kind = 'send' AND c.operation = $4
               AND c.sequence BETWEEN $5::bigint AND $6::bigint AND c.sequence BETWEEN b.lower AND b.upper
            RETURNING c.sequence, c.fingerprint, c.email, c.user_id, c.logged_email, c.logged_user_id,
                      b.http_status, b.attempts, b.settles, b.outcome, b.code, b.reason
        ), resolved AS (
            SELECT g.sequence, g.fingerprint, \(mark("g.fingerprint")) AS before, g.email, g.user_id, g.attempts,
                   CASE WHEN g.logged_email IS NULL AND g.logged_user_id IS NULL THEN g.email
                        ELSE g.logged_email END AS logged_email,
                   CASE WHEN g.logged_email IS NULL AND g.logged_user_id IS NULL THEN g.user_id
                        ELSE g.logged_user_id END AS logged_user_id,
                   COALESCE(e.outcome, g.outcome) AS outcome,
                   CASE WHEN e.sequence IS NULL THEN g.code ELSE e.code END AS code,
                   CASE WHEN e.sequence IS NULL THEN g.reason ELSE e.reason END AS reason,
                   COALESCE(e.http_status, g.http_status) AS http_status,
                   to_timestamp(g.settles / 1000.0) AS settles_at
              FROM gone g LEFT JOIN exception e ON e.sequence = g.sequence
        ), logged AS (
            INSERT INTO sync_log (run_id, sync_name, email, user_id, operation, status, error_code, error_reason,
                                  http_status, attempts, logged_at)
            SELECT $1::uuid, $2, logged_email, logged_user_id, $4,
                   CASE outcome WHEN 'rejected' THEN 'failed' ELSE outcome END, code, reason, http_status, attempts,
                   (SELECT date_trunc('milliseconds', clock_timestamp()))
              FROM resolved WHERE $20::boolean AND ($21::boolean OR outcome <> 'succeeded') ORDER BY sequence
        ), settling AS (
            INSERT INTO settling_requests (sync_name, list_id, email, user_id, operation, settles_at)
            SELECT $2, $3::bigint, email, user_id, $4, settles_at
              FROM resolved WHERE settles_at IS NOT NULL AND outcome <> 'not_attempted'
        ), write AS (
            SELECT r.fingerprint, r.email, r.user_id, r.before, r.outcome, r.code, r.reason, r.http_status,
                   t.action, t.state, t.listed
              FROM resolved r JOIN transition t
                ON t.outcome = r.outcome AND t.may_still_land = (r.settles_at IS NOT NULL) AND t.before = r.before
        )\(carriedOut)
        SELECT (SELECT count(*) FROM resolved), \(moved)
        """
    }

    // MARK: Older entries of the same people

    private static let hasSuperseded = """
        SELECT EXISTS (SELECT FROM sync_changes WHERE run_id = $1::uuid AND kind = 'supersede'
                          AND parent BETWEEN $2::bigint AND $3::bigint)
        """

    private static let supersedeBySubscribe = superseded(.subscribe)
    private static let supersedeByUnsubscribe = superseded(.unsubscribe)

    /// Takes the changes that hang on the ones with outcomes out of the outbox. An entry that two of them drop and doubt is
    /// dropped.
    private static func superseded(_ operation: RollcallCore.Operation) -> String {
        """
        \(given)\(transition(.superseded, operation)), parent AS (
            SELECT c.sequence, COALESCE(e.outcome, b.outcome) AS outcome, b.settles IS NOT NULL AS may_still_land
              FROM sync_changes c JOIN batch b ON c.sequence BETWEEN b.lower AND b.upper
              LEFT JOIN exception e ON e.sequence = c.sequence
             WHERE c.run_id = $1::uuid AND c.kind = 'send' AND c.operation = $4
               AND c.sequence BETWEEN $5::bigint AND $6::bigint
        ), gone AS (
            DELETE FROM sync_changes s USING parent p
             WHERE s.run_id = $1::uuid AND s.kind = 'supersede' AND s.parent BETWEEN $5::bigint AND $6::bigint
               AND s.parent = p.sequence
            RETURNING s.fingerprint, s.email, s.user_id, \(mark("s.fingerprint")) AS before, p.outcome, p.may_still_land
        ), write AS (
            SELECT DISTINCT ON (g.fingerprint) g.fingerprint, g.email, g.user_id, g.before, g.outcome,
                   NULL::text AS code, NULL::text AS reason, NULL::integer AS http_status, t.action, t.state, t.listed
              FROM gone g JOIN transition t
                ON t.outcome = g.outcome AND t.may_still_land = g.may_still_land AND t.before = g.before
             ORDER BY g.fingerprint, t.action = 'drop' DESC
        )\(carriedOut)
        SELECT \(moved)
        """
    }
}
