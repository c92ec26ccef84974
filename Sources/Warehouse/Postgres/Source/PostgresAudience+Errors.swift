import Foundation
import RollcallCore

extension PostgresAudience {
    /// Runs `body` and says in the user's terms why it failed; asks the catalog for names and rights where that helps. What
    /// can be waited for is passed on as it is.
    func explaining<T>(_ limit: PostgresTimeLimit, _ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let failure as PostgresFailure where !failure.isWorthWaiting {
            throw explained(failure, limit)
        }
    }

    private func explained(_ failure: PostgresFailure, _ limit: PostgresTimeLimit) -> WarehouseError {
        if failure.isRecoveryConflict(onStandby: limit.isOnStandby) { return conflicts(failure, limit) }
        return switch failure.kind {
        case .missing: missing(failure)
        case .permission: denied(failure)
        case .query: refused(failure)
        case .timeout: limit.explain(place)
        case .busy where failure.isLockTimeout:
            WarehouseError(
                .lockTimeout, "\(place) was not read to its end: another session has locked what it reads.",
                hint: "Run again when that session has ended, which may run REINDEX, VACUUM FULL or ALTER TABLE:"
                    + " pg_stat_activity shows it.")
        case .busy:
            WarehouseError(.busy, "\(place) was not read to its end: \(failure.message).", hint: "Run again.")
        default: failure.warehouseError
        }
    }

    private func conflicts(_ failure: PostgresFailure, _ limit: PostgresTimeLimit) -> WarehouseError {
        let reason =
            if !limit.isOnStandby {
                failure.message
            } else if failure.isDisconnected {
                "the standby ended the connection, as it does where it has to replay changes of its primary"
            } else {
                "the standby had to replay changes of its primary"
            }
        return WarehouseError(
            .recoveryConflict, "\(place) was not read to its end: \(reason).",
            hint: "On the standby, set hot_standby_feedback = on, or raise max_standby_streaming_delay above the time"
                + " that the reading takes; or read the primary.")
    }

    private func refused(_ failure: PostgresFailure) -> WarehouseError {
        switch failure.sqlState {
        case "25006":
            WarehouseError(
                .query, "\(place) tries to write: \(failure.message).", hint: "An audience may only read.")
        case "0A000":
            WarehouseError(
                .query, "\(place) is refused: \(failure.message)\(location(failure)).",
                hint: failure.hint
                    ?? "An audience is read as a subquery: it may only read, and no WITH in it may write.")
        case "42601" where failure.position != nil:
            WarehouseError(
                .query, "\(place) has a syntax error\(near(failure))\(location(failure)).", hint: failure.hint)
        default:
            WarehouseError(
                .query, "\(place) is refused: \(failure.message)\(location(failure)).",
                hint: failure.hint ?? valueHint(failure))
        }
    }

    /// What is said where the server's text is withheld.
    private func valueHint(_ failure: PostgresFailure) -> String? {
        guard failure.isWithheld else { return nil }
        return
            "The server's own text may quote people's values, so it is not shown here; the server's log has it, and so"
            + " has psql when it runs the query."
    }

    /// Line and column of the user's query that the server points to.
    private func location(_ failure: PostgresFailure) -> String {
        guard case .query(let query, _) = source, let position = failure.position,
            let place = PostgresQueryText.place(position, in: query)
        else { return "" }
        return " (line \(place.line), column \(place.column))"
    }

    /// The name in the user's query that the server points to.
    private func pointed(_ failure: PostgresFailure) -> [String] {
        guard case .query(let query, _) = source, let position = failure.position else { return [] }
        return PostgresQueryText.name(at: position, in: query)
    }

    private func near(_ failure: PostgresFailure) -> String {
        let name = pointed(failure).joined(separator: ".")
        return name.isEmpty ? "" : " at or near \(name)"
    }

    // MARK: What is missing

    private func missing(_ failure: PostgresFailure) -> WarehouseError {
        let pointed = pointed(failure)
        if failure.sqlState == "42703" {
            let what =
                pointed.isEmpty
                ? "uses a column that does not exist: \(failure.message)"
                : "has no column \(pointed.joined(separator: ".")) to read"
            let names = pointed.last.flatMap { try? nearColumns(to: $0) }
            let hints = [failure.hint, names].compactMap(\.self)
            return WarehouseError(
                .missing, code: "audience_column_missing", "\(place) \(what)\(location(failure)).",
                hint: hints.isEmpty ? nil : hints.joined(separator: " "))
        }
        let wanted: String
        let what: String
        switch source {
        case .table(let parts):
            wanted = parts.joined(separator: ".")
            what = "does not exist, or reads what does not exist"
        case .query where pointed.isEmpty:
            return WarehouseError(
                .missing, code: "audience_table_missing",
                "\(place) reads what does not exist: \(failure.message).", hint: valueHint(failure))
        case .query:
            wanted = pointed.joined(separator: ".")
            what = "reads \(wanted), which does not exist"
        }
        let names = (try? similarTables(to: wanted)) ?? []
        return WarehouseError(
            .missing, code: "audience_table_missing", "\(place) \(what)\(location(failure)).",
            hint: names.isEmpty
                ? "The role \(failure.role) sees no tables at all." : "There are: \(names.joined(separator: ", ")).")
    }

    /// Up to eight tables and views of the users' schemas, the likest first. A schema in which Rollcall's state lives is none of
    /// them, unless names are looked up in it without its own.
    private func similarTables(to wanted: String) throws -> [String] {
        let result = try session.query(
            """
            SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN c.relname::pg_catalog.text
                        ELSE n.nspname || '.' || c.relname END
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname <> 'information_schema'
               AND pg_catalog.left(n.nspname::pg_catalog.text, 3) <> 'pg_'
               AND (n.nspname = ANY(pg_catalog.current_schemas(false)) OR NOT EXISTS (
                    SELECT FROM pg_catalog.pg_class s
                     WHERE s.relnamespace = n.oid AND s.relname IN ('state_identity', 'sync_leases')))
             LIMIT 2000
            """)
        var names: [(name: String, distance: Int)] = []
        for row in 0..<result.rowCount {
            if let name = result.text(row, 0) {
                names.append((name, EditDistance.between(name.lowercased(), wanted.lowercased())))
            }
        }
        return names.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(8).map(\.name)
    }

    // MARK: Rights

    private func denied(_ failure: PostgresFailure) -> WarehouseError {
        if let tables = try? tablesWithPolicies(), !tables.isEmpty {
            let list = tables.joined(separator: ", ")
            return WarehouseError(
                .permission, code: "warehouse_row_security",
                "\(place) would be read without the rows that a row level security policy hides from the role"
                    + " \(failure.role): \(list).",
                hint:
                    "Read it with a role that sees all rows (ALTER ROLE \(PostgresText.identifier(failure.role)) BYPASSRLS, by a"
                    + " superuser); or set `row_security: apply` in the warehouse, if the audience is what the policy shows."
            )
        }
        let hint = (try? missingGrants()) ?? nil
        let role = PostgresText.identifier(failure.role)
        return WarehouseError(
            .permission, "Postgres: \(failure.message)",
            hint: hint
                ?? "The role \(role) lacks a right on something that \(place.prefix(1).lowercased() + place.dropFirst()) uses: a function,"
                + " or a table behind a view whose owner may not read it. Ask its owner for the GRANT.")
    }

    /// The tables whose policies are the reason why the audience was refused: with the policies applied it is not. Found by
    /// the locks that this takes, so that tables behind views are named too.
    private func tablesWithPolicies() throws -> [String] {
        var names: [String] = []
        try session.transaction(
            "BEGIN READ ONLY; SET LOCAL lock_timeout = '1s'; SET LOCAL row_security = on"
        ) { session in
            _ = try lockedColumns()
            let result = try session.query(
                """
                SELECT DISTINCT c.oid::pg_catalog.regclass::pg_catalog.text
                  FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
                 WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND c.relrowsecurity ORDER BY 1
                """)
            for row in 0..<result.rowCount { names.append(result.text(row, 0) ?? "") }
        }
        return names
    }

    /// The GRANTs that are missing, as far as the catalog tells; nil if it tells of none.
    private func missingGrants() throws -> String? {
        let (names, schema): (Set<String>, String?) =
            switch source {
            case .table(let parts): ([parts.last ?? ""], parts.count > 1 ? parts[parts.count - 2] : nil)
            case .query(let query, _): (PostgresQueryText.allNames(query), nil)
            }
        return try session.query(
            Self.missingGrantsQuery, [PostgresText.array(names.sorted().map { $0 as String? }), schema]
        ).text(0, 0)
    }

    /// `$1`: names of tables, and for a query of schemas too; `$2`: the table's schema, if known.
    private static let missingGrantsQuery = """
        WITH wanted AS (
            SELECT n.oid AS schema, n.nspname, c.oid, c.relname
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relname = ANY($1::pg_catalog.text[]) AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
               AND CASE WHEN $2::pg_catalog.text IS NOT NULL THEN n.nspname = $2
                        ELSE n.nspname = ANY($1::pg_catalog.text[])
                             OR n.nspname = ANY(pg_catalog.current_schemas(true)) END
               AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT'))
        SELECT pg_catalog.string_agg(s, ' ' ORDER BY rank, s) FROM (
            SELECT 1 AS rank, pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I;', nspname, current_user) AS s
              FROM (SELECT oid AS schema, nspname FROM pg_catalog.pg_namespace
                     WHERE nspname = $2 OR ($2::pg_catalog.text IS NULL AND nspname = ANY($1::pg_catalog.text[]))) n
             WHERE NOT pg_catalog.has_schema_privilege(schema, 'USAGE')
            UNION
            SELECT 2, pg_catalog.format('GRANT SELECT ON %I.%I TO %I;', nspname, relname, current_user) FROM wanted
        ) AS missing
        """
}
