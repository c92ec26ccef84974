import RollcallCore

/// What ``SQLiteOutcomes`` does to one table of entries, as SQL. Parameters: `:sync`, `:run`, `:now`, and `:set`, which tells the set of
/// entries from others.
struct SQLiteOutcomeStatements {
    let dropSuperseded: String
    let putSuperseded: String
    let drop: String
    let put: String
    /// The entries that the snapshot does not have: the bulk of a first sync, without a look at the table before.
    let enter: String

    private static let lists = SQLiteOutcomeStatements(.list)
    private static let filledLists = SQLiteOutcomeStatements(.filledList)
    private static let records = SQLiteOutcomeStatements(.records)

    static func of(_ words: EntryWords) -> SQLiteOutcomeStatements {
        switch words {
        case .list: lists
        case .filledList: filledLists
        case .records: records
        }
    }

    private init(_ words: EntryWords) {
        let text = Text(words: words)
        dropSuperseded = text.drop("o", text.ofOlder)
        putSuperseded = text.put("o", text.ofOlder, isOwn: false)
        drop =
            text.drop("w", text.own) + """
                 AND w.operation IN (SELECT operation FROM temp.rollcall_transitions WHERE relation = 'own' AND action = 'drop'))
                """
        put = text.put("w", text.own, isOwn: true)
        enter = text.enter
    }

    /// The outbox rows that hang on a change of the work table. Left to itself SQLite, which knows nothing of how many rows
    /// there are, reads the run's whole outbox instead of this index; in a join, once `ANALYZE` has been run, to make
    /// a Bloom filter of it.
    static let supersededChanges = """
        FROM rollcall_sync_changes c INDEXED BY rollcall_sync_changes_by_parent
             WHERE c.run_id = :run AND c.kind = 'supersede'
               AND c.parent IN (SELECT w.sequence FROM temp.rollcall_work w)
        """

    /// Where a rename has an outcome now, earlier ones of the record are settled: it was sent, or both addresses were looked up, when
    /// none of them could land any more.
    static let settleRenames = """
        DELETE FROM rollcall_settling_requests
         WHERE sync_name = :sync AND list_id IS NULL AND operation = 'rename'
           AND fingerprint IN (SELECT fingerprint FROM temp.rollcall_work
                                WHERE operation = 'rename' AND outcome <> 'not_attempted')
        """

    /// Requests that can land no more are of no use, but for renames: what became of one is to be looked up, as long as its record
    /// is there and not known by the new address.
    static let forgetSettled = """
        DELETE FROM rollcall_settling_requests AS s
         WHERE s.sync_name = :sync AND s.settles_at < \(SQLiteTime.now)
           AND (s.operation <> 'rename'
                OR NOT EXISTS (SELECT 1 FROM rollcall_synced_records m
                                WHERE m.sync_name = s.sync_name AND m.kind = 'users' AND m.fingerprint = s.fingerprint
                                  AND m.email IS NOT s.email))
        """

    /// What other entries of the people of the work table say of their fields is void: see ``ChangeKind/outdate``.
    static let outdate = """
        UPDATE rollcall_list_members AS m
           SET content = NULL,
               values_held = iif(EXISTS (SELECT 1 \(outdating) AND w.outcome = 'succeeded' AND c.fingerprint = m.fingerprint),
                                 NULL, values_held)
         WHERE m.sync_name = :sync AND m.list_id = :set AND m.fingerprint IN (SELECT c.fingerprint \(outdating))
        """

    private static let outdating = """
        FROM temp.rollcall_work w CROSS JOIN rollcall_sync_changes c INDEXED BY rollcall_sync_changes_by_parent
               ON c.run_id = :run AND c.parent = w.sequence AND c.kind = 'outdate'
            WHERE w.operation = 'subscribe'
              AND (w.outcome IN ('succeeded', 'unknown') OR w.settles_at IS NOT NULL AND w.outcome <> 'not_attempted')
        """

    static let findOlder = """
        INSERT INTO temp.rollcall_older
        SELECT c.fingerprint, c.email, c.user_id, c.parent, c.record_key, c.item_id, c.content \(supersededChanges)
        """

    private struct Text {
        let words: EntryWords

        private var table: String { SQLiteEntryTable.name(words) }
        private var isOfSet: String { SQLiteEntryTable.isOfSet(words) }
        /// Columns of the work table that an entry takes over.
        private var contents: [String] { words.contentColumns }

        /// Joins the work table (`w`) with what happens to the entry (`t`). The entry is looked up in a subquery: in a join, once
        /// an `ANALYZE` has been run, SQLite makes a Bloom filter of all of them.
        ///
        /// - Parameter change: the row, of the work table or of the older entries, whose fingerprint is the entry's.
        private func transitions(_ relation: EntryTransition.Relation, of change: String) -> String {
            """
            CROSS JOIN temp.rollcall_transitions t
                        ON t.relation = '\(relation.rawValue)' AND t.operation = w.operation AND t.outcome = w.outcome
                       AND t.may_still_land = (w.settles_at IS NOT NULL)
                       AND t.before = coalesce((
                            SELECT \(mark(relation)) FROM \(table) m
                             WHERE \(SQLiteEntryTable.isOfSet(words, "m")) AND m.fingerprint = \(change).fingerprint), 'absent')
            """
        }

        /// A change that puts something asks about the content, one that removes does not.
        private func mark(_ relation: EntryTransition.Relation) -> String {
            let plain = TransitionTable.mark(of: "m", words)
            guard words.tellsContents(relation, .put) else { return plain }
            return "iif(\(puts), \(TransitionTable.mark(of: "m", words, content: "w.content")), \(plain))"
        }

        /// Whether the change `w` puts something.
        private var puts: String {
            let operations = words.operations.filter { $0.direction == .put }.map { "'\($0.rawValue)'" }
            return "w.operation IN (\(operations.joined(separator: ", ")))"
        }

        /// The fields of a record that hold a value after the outcome of the change `w`; NULL: those of before.
        private var held: String {
            "iif(\(puts), \(TransitionTable.held(outcome: "w.outcome", settles: "w.settles_at", of: "w")), NULL)"
        }

        var own: String { "FROM temp.rollcall_work w \(transitions(.own, of: "w"))" }

        var ofOlder: String {
            """
            FROM temp.rollcall_older o CROSS JOIN temp.rollcall_work w ON w.sequence = o.parent
                 \(transitions(.superseded, of: "o"))
            """
        }

        /// Ends within the parentheses of the subselect for the entries of changes, which has a further condition: operations
        /// that never drop the entry of their change are not looked up for it.
        func drop(_ change: String, _ source: String) -> String {
            """
            DELETE FROM \(table) WHERE \(isOfSet) AND fingerprint IN (
                SELECT \(change).fingerprint \(source) WHERE t.action = 'drop'\(change == "o" ? ")" : "")
            """
        }

        private func columns(_ columns: [String], of row: String? = nil) -> String {
            columns.map { ", " + (row.map { $0 + "." } ?? "") + $0 }.joined()
        }

        private var entryColumns: String {
            """
            sync_name, \(SQLiteEntryTable.set(words)), fingerprint, email, user_id, state, \(words.listed),
                since_run_id, since, error_code, error_reason, http_status\(columns(contents))\(ofContent("values_held"))
            """
        }

        /// One more column, which entries without content do without.
        private func ofContent(_ sql: String) -> String { words.haveContents ? ", \(sql)" : "" }

        var enter: String {
            """
            INSERT INTO \(table) (\(entryColumns))
            SELECT :sync, :set, w.fingerprint, w.email, w.user_id, t.state, t.listed, :run, :now,
                   \(reason("error_code")), \(reason("error_reason")), \(reason("http_status"))\(columns(contents, of: "w"))
                   \(ofContent(held))
              FROM temp.rollcall_work w CROSS JOIN temp.rollcall_transitions t
                        ON t.relation = 'own' AND t.operation = w.operation AND t.outcome = w.outcome
                       AND t.may_still_land = (w.settles_at IS NOT NULL) AND t.before = 'absent'
             WHERE t.action = 'put' ON CONFLICT DO NOTHING
            """
        }

        /// The reason of the outcome, where it is the entry's.
        private func reason(_ column: String) -> String {
            "iif(w.outcome = 'rejected' AND t.state = 'rejected', w.\(column), NULL)"
        }

        /// Whether the entry of the change `w` is written: of one that is kept, only the fields that hold a value are, where they are
        /// others than before.
        private var isWritten: String {
            guard words.haveContents else { return "t.action = 'put'" }
            let before =
                "(SELECT m.values_held FROM \(table) m WHERE \(SQLiteEntryTable.isOfSet(words, "m")) AND m.fingerprint = w.fingerprint)"
            return "(t.action = 'put' OR t.action = 'keep' AND ((w.operation = 'rename' AND w.outcome = 'succeeded')"
                + " OR \(held) IS NOT NULL AND \(held) IS NOT \(before)))"
        }

        /// - Parameters:
        ///   - change: whose identity a new entry gets.
        ///   - isOwn: whether it is the entry of the change `w`: only that one gets the reason of the outcome, and the fields that hold a
        ///     value.
        func put(_ change: String, _ source: String, isOwn: Bool) -> String {
            func reason(_ column: String) -> String { isOwn ? self.reason(column) : "NULL" }
            func kept(_ column: String) -> String {
                "\(column) = CASE WHEN excluded.state <> 'rejected' THEN NULL WHEN excluded.error_code IS NULL"
                    + " THEN \(table).\(column) ELSE excluded.\(column) END"
            }
            // An entry gets another identifier only where the change that names it succeeded.
            func identity(_ column: String) -> String {
                !words.areRecords || !isOwn
                    ? "\(change).\(column)"
                    : "iif(t.before = 'absent' OR w.outcome = 'succeeded', \(change).\(column), NULL)"
            }
            let isAsBefore = TransitionTable.isAsBefore(table, words, isSame: "IS")
            let key = "sync_name, \(SQLiteEntryTable.set(words)), fingerprint"
            // What is removed comes with the content that it was last sent with, and keeps it.
            // A record may get another identifier; one that its row does not name any more is still its own in Iterable.
            let identifiers = ["email", "user_id"].map { "\($0) = coalesce(excluded.\($0), \(table).\($0)), " }.joined()
            let contents =
                switch words {
                case .list: TransitionTable.contentWithoutFields(of: table)
                case .filledList: "content = coalesce(excluded.content, \(table).content), "
                case .records: self.contents.map { "\($0) = excluded.\($0), " }.joined() + identifiers
                }
            let held =
                words.haveContents ? "values_held = coalesce(excluded.values_held, \(table).values_held)," : ""
            return """
                INSERT INTO \(table) (\(entryColumns))
                SELECT :sync, :set, \(change).fingerprint, \(identity("email")), \(identity("user_id")), t.state, t.listed, :run, :now,
                       \(reason("error_code")), \(reason("error_reason")), \(reason("http_status"))
                       \(columns(self.contents, of: change))\(ofContent(isOwn ? self.held : "NULL"))
                  \(source) WHERE \(isOwn ? isWritten : "t.action = 'put'")
                    ON CONFLICT (\(key)) DO UPDATE
                   SET state = excluded.state, \(words.listed) = excluded.\(words.listed), \(contents)\(held)
                       since_run_id = iif(\(isAsBefore), \(table).since_run_id, excluded.since_run_id),
                       since = iif(\(isAsBefore), \(table).since, excluded.since),
                       \(kept("error_code")), \(kept("error_reason")), \(kept("http_status"))
                """
        }
    }
}
