import RollcallCore

/// The statements of ``PostgresOutcomes`` for one table of entries.
///
/// Parameters: `$1` run, `$2` sync, `$3` what tells the set of entries from others, `$4` operation, `$5` and `$6` bounds of the
/// sequences, `$7` to `$19` the outcomes, `$20` and `$21` what is logged.
struct PostgresOutcomeStatements {
    private let words: EntryWords
    private let ownPut: String
    private let ownRemove: String
    private let supersededPut: String
    private let supersededRemove: String

    private static let lists = PostgresOutcomeStatements(.list)
    private static let filledLists = PostgresOutcomeStatements(.filledList)
    private static let records = PostgresOutcomeStatements(.records)

    static func of(_ words: EntryWords) -> PostgresOutcomeStatements {
        switch words {
        case .list: lists
        case .filledList: filledLists
        case .records: records
        }
    }

    private init(_ words: EntryWords) {
        self.words = words
        let text = Text(words: words)
        (ownPut, ownRemove) = (text.own(.put), text.own(.remove))
        (supersededPut, supersededRemove) = (text.superseded(.put), text.superseded(.remove))
    }

    func own(_ direction: Direction) -> String { direction == .put ? ownPut : ownRemove }
    func superseded(_ direction: Direction) -> String { direction == .put ? supersededPut : supersededRemove }

    /// Settings of a transaction that carries outcomes out. A plan must not depend on what the server happens to know of
    /// tables that a run fills and empties: entries are looked up one by one, by their key, in scalar subqueries; what is
    /// joined is joined by hashing.
    static let settings =
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_nestloop = off"

    static let hasSuperseded = """
        SELECT EXISTS (SELECT FROM sync_changes WHERE run_id = $1::uuid AND kind = 'supersede'
                          AND parent BETWEEN $2::bigint AND $3::bigint)
        """

    /// Whether there are changes of ``outdate``.
    static let hasOutdated = """
        SELECT EXISTS (SELECT FROM sync_changes WHERE run_id = $1::uuid AND kind = 'outdate'
                          AND parent BETWEEN $2::bigint AND $3::bigint)
        """

    /// What other entries of the people of these subscribes say of their fields is void: see ``ChangeKind/outdate``. Before the
    /// changes are taken out of the outbox.
    static let outdate = """
        \(given(from: 7)), parent AS (\(parents)), gone AS (
            DELETE FROM sync_changes s USING parent p
             WHERE s.run_id = $1::uuid AND s.kind = 'outdate' AND s.parent BETWEEN $5::bigint AND $6::bigint
               AND s.parent = p.sequence
            RETURNING s.fingerprint, p.outcome, p.may_still_land
        ), void AS (
            SELECT fingerprint, bool_or(outcome = 'succeeded') AS is_done FROM gone
             WHERE outcome IN ('succeeded', 'unknown') OR may_still_land AND outcome <> 'not_attempted' GROUP BY fingerprint
        )
        UPDATE list_members m SET content = NULL, values_held = CASE WHEN v.is_done THEN NULL ELSE m.values_held END
          FROM void v WHERE m.sync_name = $2 AND m.list_id = $3::bigint AND m.fingerprint = v.fingerprint
        """

    /// Where a rename has an outcome now, earlier ones of the record are settled: it was sent, or both addresses were looked up, when
    /// none of them could land any more.
    private static let settledRenames = """
        , settled AS (
            DELETE FROM settling_requests s USING resolved r
             WHERE $4 = 'rename' AND s.sync_name = $2 AND s.operation = 'rename'
               AND s.fingerprint = r.fingerprint AND r.outcome <> 'not_attempted'
        )
        """

    /// Requests that can land no more are of no use, but for renames: what became of one is to be looked up, as long as its record
    /// is there and not known by the new address.
    static let forgetSettled = """
        DELETE FROM settling_requests s
         WHERE s.sync_name = $1 AND s.settles_at < clock_timestamp()
           AND (s.operation <> 'rename'
                OR NOT EXISTS (SELECT 1 FROM synced_records m
                                WHERE m.sync_name = s.sync_name AND m.kind = 'users' AND m.fingerprint = s.fingerprint
                                  AND m.email IS DISTINCT FROM s.email))
        """

    /// The changes that have outcomes, with these.
    private static let parents = """
        SELECT c.sequence, COALESCE(e.outcome, b.outcome) AS outcome, b.settles IS NOT NULL AS may_still_land
          FROM sync_changes c JOIN batch b ON c.sequence BETWEEN b.lower AND b.upper
          LEFT JOIN exception e ON e.sequence = c.sequence
         WHERE c.run_id = $1::uuid AND c.kind = 'send' AND c.operation = $4
           AND c.sequence BETWEEN $5::bigint AND $6::bigint
        """

    /// The outcomes as relations.
    /// - Parameter first: the number of the first of their parameters (``PostgresOutcomes/parameters(_:)``).
    static func given(from first: Int) -> String {
        func arrays(_ types: [String], from first: Int) -> String {
            types.enumerated().map { "$\(first + $0.offset)::\($0.element)[]" }.joined(separator: ", ")
        }
        let ranges = ["bigint", "bigint", "integer", "integer", "bigint", "text", "text", "text"]
        let exceptions = ["bigint", "text", "text", "text", "integer"]
        return """
            WITH batch AS (
                SELECT * FROM unnest(\(arrays(ranges, from: first)))
                    AS b (lower, upper, http_status, attempts, settles, outcome, code, reason)
            ), exception AS (
                SELECT * FROM unnest(\(arrays(exceptions, from: first + ranges.count)))
                    AS e (sequence, outcome, code, reason, http_status)
            )
            """
    }

    // MARK: Text

    private struct Text {
        let words: EntryWords

        private var isOfSet: String { PostgresEntryTable.isOfSet(words, "m", sync: "$2", set: "$3") }

        /// The word of ``TransitionTable`` for the entry whose fingerprint `column` has.
        private func mark(_ column: String, content: String? = nil) -> String {
            "COALESCE((SELECT \(TransitionTable.mark(of: "m", words, content: content)) FROM \(words.table) m"
                + " WHERE \(isOfSet) AND m.fingerprint = \(column)), 'absent')"
        }

        /// The place (`ctid`) of the entry whose fingerprint `column` has. It only says where to look: places repeat across the
        /// partitions of a table, so that the row that is taken must have the key as well. By the key alone a server that
        /// knows nothing yet of how many entries a sync has goes through all of them.
        private func place(_ column: String) -> String {
            "(SELECT m.ctid FROM \(words.table) m WHERE \(isOfSet) AND m.fingerprint = \(column))"
        }

        private var isOfSetWithoutIndex: String { PostgresEntryTable.isOfSetWithoutIndex(words, sync: "$2", set: "$3") }

        private let given = PostgresOutcomeStatements.given(from: 7)

        private func transition(_ relation: EntryTransition.Relation, _ direction: Direction) -> String {
            ", transition (\(TransitionTable.columns)) AS (VALUES \(TransitionTable.rows(relation, direction, words)))"
        }

        /// Columns of the outbox that an entry takes over.
        private var contentColumns: [String] { words.contentColumns }

        private func list(_ columns: [String], of row: String? = nil) -> String {
            columns.map { ", " + (row.map { "\($0)." } ?? "") + $0 }.joined()
        }

        /// Columns that entries without content have none of.
        private var recordColumns: [String] { words.haveContents ? contentColumns + ["values_held"] : [] }

        private var entryColumns: String {
            """
            sync_name, \(words.areRecords ? "kind" : "list_id"), fingerprint, email, user_id, state, \(words.listed),
            since_run_id, since, error_code, error_reason, http_status\(list(recordColumns))
            """
        }

        /// The last column of the relation `write`, of entries with content alone: the fields that hold a value; NULL: those of before.
        private func valuesHeld(_ sql: String) -> String { words.haveContents ? ", \(sql) AS values_held" : "" }

        /// Of an entry that is kept, only the fields that hold a value are written, where they are others than before.
        private var isWritten: String {
            """
            t.action <> 'keep' OR ($4 = 'rename' AND r.outcome = 'succeeded') OR r.held IS NOT NULL AND r.held IS DISTINCT FROM (
                SELECT m.values_held FROM \(words.table) m WHERE \(isOfSet) AND m.fingerprint = r.fingerprint)
            """
        }

        /// Carries out what the relation `write` says of each entry, at most one row for each. New entries are inserted outright:
        /// an insertion that is ready for a conflict costs half as much again.
        private var carriedOut: String {
            let set = words.areRecords ? "$3::text AS kind" : "$3::bigint AS list_id"
            let key = "sync_name, \(words.areRecords ? "kind" : "list_id"), fingerprint"
            // A record that is removed comes with the content that it was last sent with; a member comes with none.
            let contents =
                switch words {
                case .list: TransitionTable.contentWithoutFields(of: "m")
                case .filledList: "content = COALESCE(excluded.content, m.content), "
                case .records: contentColumns.map { "\($0) = excluded.\($0), " }.joined() + Self.identifiers
                }
            let held = words.haveContents ? "values_held = COALESCE(excluded.values_held, m.values_held)," : ""
            let isAsBefore = TransitionTable.isAsBefore("m", words, isSame: "IS NOT DISTINCT FROM")
            return """
                , entry AS (
                    SELECT $2 AS sync_name, \(set), fingerprint, \(identity("email")), \(identity("user_id")), state, listed AS \(words.listed),
                           $1::uuid AS since_run_id, \(PostgresText.now) AS since,
                           CASE WHEN outcome = 'rejected' AND state = 'rejected' THEN code END AS error_code,
                           CASE WHEN outcome = 'rejected' AND state = 'rejected' THEN reason END AS error_reason,
                           CASE WHEN outcome = 'rejected' AND state = 'rejected' THEN http_status END AS http_status,
                           before\(list(recordColumns))
                      FROM write WHERE action <> 'drop'
                ), entered AS (
                    INSERT INTO \(words.table) (\(entryColumns)) SELECT \(entryColumns) FROM entry WHERE before = 'absent'
                    RETURNING 1
                ), changed AS (
                    INSERT INTO \(words.table) AS m (\(entryColumns)) SELECT \(entryColumns) FROM entry WHERE before <> 'absent'
                    ON CONFLICT (\(key)) DO UPDATE
                       SET state = excluded.state, \(words.listed) = excluded.\(words.listed), \(contents)\(held)
                           since_run_id = CASE WHEN \(isAsBefore) THEN m.since_run_id ELSE excluded.since_run_id END,
                           since = CASE WHEN \(isAsBefore) THEN m.since ELSE excluded.since END,
                           (error_code, error_reason, http_status) = ROW(
                               \(rejection("error_code")), \(rejection("error_reason")), \(rejection("http_status")))
                    RETURNING 1
                ), dropped AS (
                    DELETE FROM \(words.table)
                     WHERE ctid = ANY (ARRAY(SELECT \(place("w.fingerprint")) FROM write w WHERE w.action = 'drop'))
                       AND \(isOfSetWithoutIndex)
                       AND (fingerprint IN (SELECT w.fingerprint FROM write w WHERE w.action = 'drop')) IS TRUE
                    RETURNING 1
                )
                """
        }

        /// What a request in doubt has beside the person. One for a member of a list is about the person, not about an entry.
        private var settlingColumns: [String] {
            switch words {
            case .list: []
            case .filledList: ["content"]
            case .records: ["fingerprint", "content"]
            }
        }

        /// An entry gets another identifier only where the change that names it succeeded.
        private func identity(_ column: String) -> String {
            words.areRecords
                ? "CASE WHEN before = 'absent' OR outcome = 'succeeded' THEN \(column) END AS \(column)" : column
        }

        /// A record may get another identifier; one that its row does not name any more is still its own in Iterable.
        private static let identifiers =
            "email = COALESCE(excluded.email, m.email), user_id = COALESCE(excluded.user_id, m.user_id), "

        /// A rejection has the reason of this outcome, or keeps its own; no other state has one.
        private func rejection(_ column: String) -> String {
            "CASE WHEN excluded.state <> 'rejected' THEN NULL WHEN excluded.error_code IS NULL THEN m.\(column)"
                + " ELSE excluded.\(column) END"
        }

        private let moved =
            "(SELECT count(*) FROM entered) + (SELECT count(*) FROM changed) + (SELECT count(*) FROM dropped)"

        // MARK: The entries of the changes

        /// Takes the changes out of the outbox and gives each its outcome: log, in-doubt requests and snapshot.
        func own(_ direction: Direction) -> String {
            let isRecord = words.areRecords
            // Columns of the outbox, and how `resolved` takes them over.
            let contents = isRecord ? ["record_key", "item_id", "content", "logged_key"] : words.contentColumns
            let tellsContents = words.tellsContents(.own, direction)
            let content = tellsContents ? "g.content" : nil
            let held = TransitionTable.held(
                outcome: "COALESCE(e.outcome, g.outcome)", settles: "g.settles", of: "g")
            return """
                \(given)\(transition(.own, direction)), gone AS (
                    DELETE FROM sync_changes c USING batch b
                     WHERE c.run_id = $1::uuid AND c.kind = 'send' AND c.operation = $4
                       AND c.sequence BETWEEN $5::bigint AND $6::bigint AND c.sequence BETWEEN b.lower AND b.upper
                    RETURNING c.sequence, c.fingerprint, c.email, c.user_id, c.logged_email, c.logged_user_id,
                              \(contents.map { "c.\($0), " }.joined())
                              \(tellsContents ? "c.values_held, c.values_in_doubt," : "")
                              b.http_status, b.attempts, b.settles, b.outcome, b.code, b.reason
                ), resolved AS (
                    SELECT g.sequence, g.fingerprint, \(mark("g.fingerprint", content: content)) AS before, g.email, g.user_id,
                           g.attempts,
                           CASE WHEN g.logged_email IS NULL AND g.logged_user_id IS NULL THEN g.email
                                ELSE g.logged_email END AS logged_email,
                           CASE WHEN g.logged_email IS NULL AND g.logged_user_id IS NULL THEN g.user_id
                                ELSE g.logged_user_id END AS logged_user_id,
                           \(contents.map { "g.\($0), " }.joined())
                           \(tellsContents ? "\(held) AS held," : "")
                           COALESCE(e.outcome, g.outcome) AS outcome,
                           CASE WHEN e.sequence IS NULL THEN g.code ELSE e.code END AS code,
                           CASE WHEN e.sequence IS NULL THEN g.reason ELSE e.reason END AS reason,
                           COALESCE(e.http_status, g.http_status) AS http_status,
                           to_timestamp(g.settles / 1000.0) AS settles_at
                      FROM gone g LEFT JOIN exception e ON e.sequence = g.sequence
                ), logged AS (
                    INSERT INTO sync_log (run_id, sync_name, email, user_id, operation, status, error_code, error_reason,
                                          http_status, attempts, logged_at\(isRecord ? ", record_key, item_id" : ""))
                    SELECT $1::uuid, $2, logged_email, logged_user_id, $4,
                           CASE outcome WHEN 'rejected' THEN 'failed' ELSE outcome END, code, reason, http_status, attempts,
                           \(PostgresText.now)
                           \(isRecord ? PostgresLoggedKey.columns : "")
                      FROM resolved WHERE $20::boolean AND ($21::boolean OR outcome <> 'succeeded') ORDER BY sequence
                )\(isRecord && direction == .put ? PostgresOutcomeStatements.settledRenames : ""), settling AS (
                    INSERT INTO settling_requests (sync_name, list_id, email, user_id, operation, settles_at
                                                   \(list(settlingColumns)))
                    SELECT $2, \(isRecord ? "NULL" : "$3::bigint"), email, user_id, $4, settles_at
                           \(list(settlingColumns))
                      FROM resolved WHERE settles_at IS NOT NULL AND outcome <> 'not_attempted'
                ), write AS (
                    SELECT r.fingerprint, r.email, r.user_id, r.before, r.outcome, r.code, r.reason, r.http_status,
                           t.action, t.state, t.listed\(list(contentColumns, of: "r"))
                           \(valuesHeld(tellsContents ? "r.held" : "NULL::bytea"))
                      FROM resolved r JOIN transition t
                        ON t.outcome = r.outcome AND t.may_still_land = (r.settles_at IS NOT NULL) AND t.before = r.before
                     \(tellsContents ? "WHERE \(isWritten)" : "")
                )\(carriedOut)
                SELECT (SELECT count(*) FROM resolved), \(moved)
                """
        }

        // MARK: Older entries of the same people

        /// Takes the changes that hang on the ones with outcomes out of the outbox. An entry that two of them drop and doubt is
        /// dropped.
        func superseded(_ direction: Direction) -> String {
            """
            \(given)\(transition(.superseded, direction)), parent AS (\(PostgresOutcomeStatements.parents)), gone AS (
                DELETE FROM sync_changes s USING parent p
                 WHERE s.run_id = $1::uuid AND s.kind = 'supersede' AND s.parent BETWEEN $5::bigint AND $6::bigint
                   AND s.parent = p.sequence
                RETURNING s.fingerprint, s.email, s.user_id, \(mark("s.fingerprint")) AS before, p.outcome,
                          p.may_still_land\(list(contentColumns, of: "s"))
            ), write AS (
                SELECT DISTINCT ON (g.fingerprint) g.fingerprint, g.email, g.user_id, g.before, g.outcome,
                       NULL::text AS code, NULL::text AS reason, NULL::integer AS http_status, t.action, t.state,
                       t.listed\(list(contentColumns, of: "g"))\(valuesHeld("NULL::bytea"))
                  FROM gone g JOIN transition t
                    ON t.outcome = g.outcome AND t.may_still_land = g.may_still_land AND t.before = g.before
                 ORDER BY g.fingerprint, t.action = 'drop' DESC
            )\(carriedOut)
            SELECT \(moved)
            """
        }
    }
}

/// How the log shows a record: with hashed identifiers neither the key nor the id made of it stands there.
enum PostgresLoggedKey {
    /// Two further columns of a SELECT: `record_key, item_id`.
    static let columns = columns(of: nil)

    static func columns(of row: String?) -> String {
        let row = row.map { $0 + "." } ?? ""
        return
            ", COALESCE(\(row)logged_key, \(row)record_key), CASE WHEN \(row)logged_key IS NULL THEN \(row)item_id END"
    }
}
