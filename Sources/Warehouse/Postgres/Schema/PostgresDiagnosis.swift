import RollcallCore

/// Looks at the connection and at what Rollcall keeps its state in. What it says of rights was tried, in transactions that
/// are rolled back.
struct PostgresDiagnosis {
    let session: PostgresSession
    let tables: PostgresStateTables

    private var role = ""

    init(session: PostgresSession, tables: PostgresStateTables) {
        self.session = session
        self.tables = tables
    }

    mutating func findings() throws -> [Finding] {
        let row = try query(
            """
            SELECT current_setting('server_version'), current_database(), current_user, r.rolsuper,
                   has_database_privilege(current_database(), 'CREATE'),
                   (SELECT oid FROM pg_namespace WHERE nspname = $1), pg_is_in_recovery(),
                   current_setting('server_encoding')
              FROM pg_roles r WHERE r.rolname = current_user
            """, [tables.schema])
        role = row.text(0, 2) ?? ""
        let database = row.text(0, 1) ?? ""
        let encoding = row.text(0, 7).flatMap { $0 == "UTF8" ? nil : ", encoding \($0)" } ?? ""
        var findings = [
            Finding(
                subject: "connection", isFine: true,
                detail: "PostgreSQL \(row.text(0, 0) ?? "?"), database \(database)\(encoding), role \(role)")
        ]
        if row.boolean(0, 3) { findings.append(superuser(role, database)) }
        if row.boolean(0, 6) { return findings + [standby] }
        if row.text(0, 5) == nil {
            findings.append(missingSchema(mayCreate: row.boolean(0, 4)))
        } else {
            findings += try existingSchema()
        }
        return findings
    }

    private var standby: Finding {
        Finding(
            subject: subject, isFine: false, detail: "the server is a standby, where nothing can be written",
            fix: PostgresFailure.standbyHint)
    }

    /// Runs `body` in a transaction on the state tables and undoes it.
    private func inTransaction<T>(_ access: PostgresStateTables.Access, _ body: () throws -> T) throws -> T {
        var result: T?
        do {
            try session.transaction(tables.begin(access)) { _ in
                result = try body()
                throw Undone()
            }
        } catch is Undone {
            if let result { return result }
        }
        throw WarehouseError(.other, "A transaction ended without a result.")
    }

    private struct Undone: Error {}

    private func superuser(_ role: String, _ database: String) -> Finding {
        Finding(
            subject: "role \(role)", isFine: true,
            detail: "is a superuser; Rollcall needs no more than to read audiences and to own its schema",
            fix:
                "CREATE ROLE rollcall LOGIN PASSWORD '...'; CREATE SCHEMA \(tables.quotedSchema) AUTHORIZATION rollcall;"
        )
    }

    private var subject: String { "state schema \(tables.schema)" }

    private func missingSchema(mayCreate: Bool) -> Finding {
        mayCreate
            ? creation("not there yet; the first run creates it")
            : Finding(
                subject: subject, isFine: false, detail: "is missing, and the role \(role) may not create it",
                fix: "CREATE SCHEMA \(tables.quotedSchema) AUTHORIZATION \(PostgresText.identifier(role));")
    }

    private func existingSchema() throws -> [Finding] {
        let rights = try query(
            "SELECT has_schema_privilege($1, 'USAGE'), has_schema_privilege($1, 'CREATE')", [tables.schema])
        guard rights.boolean(0, 0) else {
            return [
                Finding(
                    subject: subject, isFine: false, detail: "the role \(role) may not use it",
                    fix: tables.grants(to: role))
            ]
        }
        let ledger = try query(
            "SELECT has_table_privilege(c.oid, 'SELECT') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                + " WHERE n.nspname = $1 AND c.relname = 'schema_migrations'", [tables.schema])
        guard ledger.rowCount > 0 else { return [emptySchema(mayCreate: rights.boolean(0, 1))] }
        guard ledger.boolean(0, 0) else {
            return [
                Finding(
                    subject: "state tables", isFine: false, detail: "the role \(role) may not read schema_migrations",
                    fix: tables.grants(to: role))
            ]
        }
        return try [version()] + writing()
            + inTransaction(.readOnly) { try PostgresReplication(session: session, tables: tables).findings() }
    }

    private func emptySchema(mayCreate: Bool) -> Finding {
        mayCreate
            ? creation("has no state tables yet; the first run creates them")
            : Finding(
                subject: subject, isFine: false,
                detail: "has no state tables, and the role \(role) may not create them",
                fix: tables.grants(to: role))
    }

    private func version() throws -> Finding {
        let version =
            try inTransaction(.readOnly) { try PostgresWarehouse.stateVersion(session) } ?? StateVersion(version: 0)
        let migrations = EmbeddedMigrations.postgres
        if let refusal = version.refusal(migrations, place: "in schema \(tables.schema)") {
            return Finding(subject: subject, isFine: false, detail: refusal.error.message, fix: refusal.error.hint)
        }
        return Finding(subject: subject, isFine: true, detail: version.standing(migrations))
    }

    private func query(_ sql: String, _ parameters: [String?]) throws -> Rows {
        try inTransaction(.readOnly) {
            let result = try session.query(sql, parameters)
            return Rows(
                cells: (0..<result.rowCount).map { row in (0..<result.columnCount).map { result.text(row, $0) } })
        }
    }

    private struct Rows {
        var cells: [[String?]]
        var rowCount: Int { cells.count }
        func text(_ row: Int, _ column: Int) -> String? { row < cells.count ? cells[row][column] : nil }
        func boolean(_ row: Int, _ column: Int) -> Bool { text(row, column) == "t" }
    }

    /// Makes the state tables and undoes it.
    private func creation(_ detail: String) -> Finding {
        do {
            _ = try inTransaction(.readWrite) { try PostgresWarehouse.migrate(session, tables) }
            return Finding(subject: subject, isFine: true, detail: detail + " (tried)")
        } catch {
            return failed(subject, "cannot be created", error)
        }
    }

    /// Writes to each state table, in statements that touch no row, and undoes it. Of what a publication forbids,
    /// ``PostgresReplication`` speaks.
    private func writing() throws -> [Finding] {
        var isPublished = false
        let result = try query(
            """
            SELECT c.relname,
                   (SELECT a.attname FROM pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = ''
                       AND a.attgenerated = '' ORDER BY a.attnum LIMIT 1)
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND c.relname = ANY($2::text[]) ORDER BY 1
            """, [tables.schema, PostgresText.array(Self.stateTables.map { $0 as String? })])
        for row in 0..<result.rowCount {
            let table = PostgresText.identifier(result.text(row, 0) ?? "")
            let column = PostgresText.identifier(result.text(row, 1) ?? "")
            do {
                try inTransaction(.readWrite) {
                    for statement in [
                        "INSERT INTO \(table) (\(column)) SELECT \(column) FROM \(table) WHERE false",
                        "UPDATE \(table) SET \(column) = \(column) WHERE false", "DELETE FROM \(table) WHERE false",
                    ] { try session.execute(statement) }
                }
            } catch let failure as PostgresFailure where failure.isOfPublication {
                isPublished = true
            } catch {
                return [failed("state tables", "\(result.text(row, 0) ?? "") cannot be written", error)]
            }
        }
        if isPublished { return [] }
        return [Finding(subject: "state tables", isFine: true, detail: "readable and writable (tried)")]
    }

    private func failed(_ subject: String, _ what: String, _ error: any Error) -> Finding {
        switch error {
        case let failure as PostgresFailure where failure.kind == .permission:
            return Finding(
                subject: subject, isFine: false, detail: "the role \(role) lacks a right: \(failure.message)",
                fix: tables.grants(to: role))
        case let failure as PostgresFailure:
            let error = failure.warehouseError.error
            return Finding(subject: subject, isFine: false, detail: "\(what): \(error.message)", fix: error.hint)
        case let error as WarehouseError:
            return Finding(
                subject: subject, isFine: false, detail: "\(what): \(error.error.message)", fix: error.error.hint)
        default: return Finding(subject: subject, isFine: false, detail: "\(what): \(error)")
        }
    }

    /// Of tables which no run has upgraded yet too.
    private static let stateTables = [
        "sync_runs", "sync_log", "list_members", "sync_changes", "settling_requests", "stray_requests", "sync_state",
        "sync_leases", "schedule_ticks", "synced_records", "seen_events", "synced_events", "sync_cursors",
        "destination_fields",
        "field_places", "item_checks", "rate_budgets", "rate_shares",
        "state_identity",
    ]
}
