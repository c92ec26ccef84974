import Foundation
import RollcallCore

/// Outcomes of one operation as array parameters, and the statement that carries them out. One statement does the
/// whole: what it takes out of the outbox is what it logs and what moves the snapshot, so a call that is
/// repeated after a lost answer finds nothing left to do.
struct PostgresOutcomes {
    private let operation: RollcallCore.Operation
    private var ranges: [Range] = []
    private var exceptions: [(sequence: Int64, outcome: String, reason: FailureReason?)] = []

    init(_ operation: RollcallCore.Operation) { self.operation = operation }

    var isEmpty: Bool { ranges.isEmpty }

    /// Changes in a row that fared alike, but for the exceptions.
    private struct Range: Equatable {
        var lower: Int64
        var upper: Int64
        var httpStatus: Int?
        var attempts: Int
        var settlesAt: Int64?
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
        let (word, reason) = Self.word(otherwise)
        ranges.append(
            Range(
                lower: batch.sequences.lowerBound, upper: batch.sequences.upperBound, httpStatus: batch.httpStatus,
                attempts: batch.attempts, settlesAt: batch.settlesAt.map(PostgresText.milliseconds), outcome: word,
                reason: reason))
        for (sequence, exception) in batch.exceptions {
            let (word, reason) = Self.word(exception)
            exceptions.append((sequence, word, reason))
        }
    }

    private static func word(_ outcome: RecordOutcome) -> (String, FailureReason?) {
        switch outcome {
        case .succeeded: ("succeeded", nil)
        case .failed(let reason): ("failed", reason)
        case .rejected(let reason): ("rejected", reason)
        case .unknown(let reason): ("unknown", reason)
        case .notAttempted(let reason): ("not_attempted", reason)
        }
    }

    /// Carries the outcomes out. Returns how many changes had one, and whether the snapshot moved.
    func apply(
        _ run: SyncRun, list: Int64, log: LogSettings, _ session: PostgresSession
    ) throws -> (changes: Int, moved: Bool) {
        let ranges = merged()
        let parameters: [String?] = [
            run.id, run.sync, String(list), String(log.retain), String(log.records == .all), operation.rawValue,
            ranges.map(\.lower).min().map { String($0) }, ranges.map(\.upper).max().map { String($0) },
            PostgresText.array(ranges.map { $0.lower as Int64? }),
            PostgresText.array(ranges.map { $0.upper as Int64? }),
            PostgresText.array(ranges.map(\.httpStatus)), PostgresText.array(ranges.map { $0.attempts as Int? }),
            PostgresText.array(ranges.map(\.settlesAt)), PostgresText.array(ranges.map { $0.outcome as String? }),
            try session.array(ranges.map { $0.reason?.code }), try session.array(ranges.map { $0.reason?.reason }),
            PostgresText.array(exceptions.map { $0.sequence as Int64? }),
            PostgresText.array(exceptions.map { $0.outcome as String? }),
            try session.array(exceptions.map { $0.reason?.code }),
            try session.array(exceptions.map { $0.reason?.reason }),
            PostgresText.array(exceptions.map { $0.reason?.httpStatus }),
        ]
        let snapshot = operation == .subscribe ? Self.subscribed : Self.unsubscribed
        let result = try session.query(Self.resolved + snapshot, parameters)
        return (result.count(0, 0), result.count(0, 1) > 0)
    }

    /// The ranges in order, neighbours that fared alike as one: each range costs a look at each change.
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
    /// tables that a run fills and empties: members are looked up one by one in scalar subqueries and met again by their
    /// place (`ctid`), which no other process moves while the lease is locked; what is joined is joined by hashing.
    static let settings =
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_nestloop = off"

    /// The place of the member whose fingerprint `column` has; NULL where there is none.
    private static func member(_ column: String) -> String {
        "(SELECT m.ctid FROM list_members m"
            + " WHERE m.sync_name = $2 AND m.list_id = $3::bigint AND m.fingerprint = \(column))"
    }

    /// Takes the changes out of the outbox and gives each its outcome; log and settling requests.
    private static let resolved = """
        WITH batch AS (
            SELECT * FROM unnest($9::bigint[], $10::bigint[], $11::integer[], $12::integer[], $13::bigint[],
                                 $14::text[], $15::text[], $16::text[])
                AS b (lower, upper, http_status, attempts, settles, outcome, code, reason)
        ), exception AS (
            SELECT * FROM unnest($17::bigint[], $18::text[], $19::text[], $20::text[], $21::integer[])
                AS e (sequence, outcome, code, reason, http_status)
        ), gone AS (
            DELETE FROM sync_changes c USING batch b
             WHERE c.run_id = $1::uuid AND c.kind = 'send' AND c.operation = $6
               AND c.sequence BETWEEN $7::bigint AND $8::bigint AND c.sequence BETWEEN b.lower AND b.upper
            RETURNING c.sequence, c.fingerprint, c.email, c.user_id, c.logged_email, c.logged_user_id,
                      b.http_status, b.attempts, b.settles, b.outcome, b.code, b.reason
        ), resolved AS (
            SELECT g.sequence, g.fingerprint, \(member("g.fingerprint")) AS member, g.email, g.user_id, g.attempts,
                   CASE WHEN g.logged_email IS NULL AND g.logged_user_id IS NULL THEN g.email
                        ELSE g.logged_email END AS logged_email,
                   CASE WHEN g.logged_email IS NULL AND g.logged_user_id IS NULL THEN g.user_id
                        ELSE g.logged_user_id END AS logged_user_id,
                   COALESCE(e.outcome, g.outcome) AS outcome,
                   CASE WHEN e.sequence IS NULL THEN g.code ELSE e.code END AS code,
                   CASE WHEN e.sequence IS NULL THEN g.reason ELSE e.reason END AS reason,
                   COALESCE(e.http_status, g.http_status) AS http_status,
                   to_timestamp(g.settles / 1000.0) AS settles_at,
                   (SELECT date_trunc('milliseconds', clock_timestamp())) AS at
              FROM gone g LEFT JOIN exception e ON e.sequence = g.sequence
        ), logged AS (
            INSERT INTO sync_log (run_id, sync_name, email, user_id, operation, status, error_code, error_reason,
                                  http_status, attempts, logged_at)
            SELECT $1::uuid, $2, logged_email, logged_user_id, $6,
                   CASE outcome WHEN 'rejected' THEN 'failed' ELSE outcome END, code, reason, http_status, attempts, at
              FROM resolved WHERE $4::boolean AND ($5::boolean OR outcome <> 'succeeded') ORDER BY sequence
        ), settling AS (
            INSERT INTO settling_requests (sync_name, list_id, email, user_id, operation, settles_at)
            SELECT $2, $3::bigint, email, user_id, $6, settles_at
              FROM resolved WHERE settles_at IS NOT NULL AND outcome <> 'not_attempted'
        ), superseded AS (
            DELETE FROM sync_changes s USING resolved r
             WHERE s.run_id = $1::uuid AND s.kind = 'supersede' AND s.parent BETWEEN $7::bigint AND $8::bigint
               AND s.parent = r.sequence AND r.outcome = 'succeeded'
            RETURNING s.fingerprint, \(member("s.fingerprint")) AS member
        )
        """

    /// Values of an entry of the snapshot after a subscribe.
    private static let subscribedEntry = """
        SELECT $2, $3::bigint, fingerprint, email, user_id,
               CASE outcome WHEN 'succeeded' THEN 'subscribed' WHEN 'rejected' THEN 'rejected'
                            ELSE 'subscribing' END,
               outcome <> 'rejected' OR settles_at IS NOT NULL, $1::uuid, at,
               CASE outcome WHEN 'rejected' THEN code END, CASE outcome WHEN 'rejected' THEN reason END,
               CASE outcome WHEN 'rejected' THEN http_status END
          FROM resolved WHERE outcome IN ('succeeded', 'rejected', 'unknown')
        """

    /// The rows of the port's table for subscribe. Who is new is inserted outright: an insertion that is ready for a
    /// conflict costs half as much again.
    private static let subscribed = """
        , entered AS (
            INSERT INTO list_members (sync_name, list_id, fingerprint, email, user_id, state, listed,
                                      since_run_id, since, error_code, error_reason, http_status)
            \(subscribedEntry) AND member IS NULL
            RETURNING 1
        ), written AS (
            INSERT INTO list_members AS m (sync_name, list_id, fingerprint, email, user_id, state, listed,
                                           since_run_id, since, error_code, error_reason, http_status)
            \(subscribedEntry) AND member IS NOT NULL
            ON CONFLICT (sync_name, list_id, fingerprint) DO UPDATE
               SET state = excluded.state, listed = m.listed OR excluded.listed,
                   email = excluded.email, user_id = excluded.user_id,
                   since_run_id = CASE m.state WHEN excluded.state THEN m.since_run_id ELSE excluded.since_run_id END,
                   since = CASE m.state WHEN excluded.state THEN m.since ELSE excluded.since END,
                   error_code = excluded.error_code, error_reason = excluded.error_reason,
                   http_status = excluded.http_status
             WHERE NOT (m.state = 'subscribed' AND m.listed AND (excluded.state = 'subscribing'
                    OR (excluded.state = 'subscribed' AND m.email IS NOT DISTINCT FROM excluded.email
                        AND m.user_id IS NOT DISTINCT FROM excluded.user_id)))
            RETURNING 1
        ), doubtful AS (
            INSERT INTO list_members AS m (sync_name, list_id, fingerprint, email, user_id, state, listed,
                                           since_run_id, since)
            SELECT $2, $3::bigint, fingerprint, email, user_id, 'subscribing', true, $1::uuid, at
              FROM resolved WHERE outcome = 'failed' AND settles_at IS NOT NULL
            ON CONFLICT (sync_name, list_id, fingerprint) DO UPDATE SET listed = true WHERE NOT m.listed
            RETURNING 1
        ), dropped AS (
            DELETE FROM list_members
             WHERE ctid = ANY (ARRAY(SELECT member FROM superseded
                                      WHERE fingerprint NOT IN (SELECT fingerprint FROM resolved)))
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM resolved), (SELECT count(*) FROM entered) + (SELECT count(*) FROM written)
             + (SELECT count(*) FROM doubtful) + (SELECT count(*) FROM dropped)
        """

    /// The rows of the port's table for unsubscribe.
    private static let unsubscribed = """
        , written AS (
            INSERT INTO list_members AS m (sync_name, list_id, fingerprint, email, user_id, state, listed,
                                           since_run_id, since)
            SELECT $2, $3::bigint, fingerprint, email, user_id, 'unsubscribing', true, $1::uuid, at
              FROM resolved WHERE outcome = 'unknown' OR (outcome IN ('failed', 'rejected') AND settles_at IS NOT NULL)
            ON CONFLICT (sync_name, list_id, fingerprint) DO UPDATE
               SET state = excluded.state, listed = true,
                   since_run_id = CASE m.state WHEN excluded.state THEN m.since_run_id ELSE excluded.since_run_id END,
                   since = CASE m.state WHEN excluded.state THEN m.since ELSE excluded.since END,
                   error_code = NULL, error_reason = NULL, http_status = NULL
            RETURNING 1
        ), doubtful AS (
            UPDATE list_members SET state = 'unsubscribing', since_run_id = $1::uuid,
                   since = date_trunc('milliseconds', clock_timestamp())
             WHERE state IN ('subscribed', 'subscribing') AND ctid = ANY (ARRAY(
                   SELECT \(member("s.fingerprint")) FROM sync_changes s JOIN resolved r ON r.sequence = s.parent
                    WHERE s.run_id = $1::uuid AND s.kind = 'supersede' AND s.parent BETWEEN $7::bigint AND $8::bigint
                      AND (r.outcome = 'unknown'
                           OR (r.outcome IN ('failed', 'rejected') AND r.settles_at IS NOT NULL))))
            RETURNING 1
        ), dropped AS (
            DELETE FROM list_members
             WHERE ctid = ANY (ARRAY(
                   SELECT d.member FROM (SELECT member, fingerprint FROM resolved WHERE outcome = 'succeeded'
                                         UNION ALL SELECT member, fingerprint FROM superseded) d
                    WHERE d.fingerprint NOT IN (SELECT fingerprint FROM resolved WHERE outcome = 'unknown')))
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM resolved), (SELECT count(*) FROM written)
             + (SELECT count(*) FROM doubtful) + (SELECT count(*) FROM dropped)
        """
}
