import Foundation
public import RollcallCore

extension PostgresWarehouse {
    public func diagnose(_ sources: [AudienceSource]) async -> [Finding] {
        let tables = tables
        let state: [Finding]
        do {
            state = try await lane(.state).run { session in
                try session.transaction(tables.begin("READ ONLY")) {
                    try PostgresDiagnosis(session: $0, tables: tables).findings()
                }
            }
        } catch {
            let error = stateError(error)
            return [
                Finding(subject: "connection", isFine: false, detail: error.error.message, mend: error.error.hint)
            ]
        }
        var findings = state
        for source in sources { findings.append(await finding(source)) }
        return findings
    }

    private func finding(_ source: AudienceSource) async -> Finding {
        let subject =
            switch source {
            case .table(let parts): "audience \(parts.joined(separator: "."))"
            case .query(_, let file?): "audience query \(file)"
            case .query(_, nil): "audience query"
            }
        do {
            let columns = try await columns(of: source)
            let list = columns.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
            return Finding(subject: subject, isFine: true, detail: "readable; columns \(list)")
        } catch {
            return Finding(subject: subject, isFine: false, detail: error.error.message, mend: error.error.hint)
        }
    }
}

/// Looks at the connection and at what Rollcall keeps its state in. Only reads.
private struct PostgresDiagnosis {
    let session: PostgresSession
    let tables: PostgresStateTables

    func findings() throws -> [Finding] {
        let row = try session.query(
            """
            SELECT current_setting('server_version'), current_database(), current_user, r.rolsuper,
                   has_database_privilege(current_database(), 'CREATE'),
                   (SELECT oid FROM pg_namespace WHERE nspname = $1)
              FROM pg_roles r WHERE r.rolname = current_user
            """, [tables.schema])
        let role = row.text(0, 2) ?? ""
        let database = row.text(0, 1) ?? ""
        var findings = [
            Finding(
                subject: "connection", isFine: true,
                detail: "PostgreSQL \(row.text(0, 0) ?? "?"), database \(database), role \(role)")
        ]
        if row.boolean(0, 3) { findings.append(superuser(role, database)) }
        if row.text(0, 5) == nil {
            findings.append(missingSchema(role, mayCreate: row.boolean(0, 4)))
        } else {
            findings += try existingSchema(role)
        }
        return findings
    }

    private func superuser(_ role: String, _ database: String) -> Finding {
        Finding(
            subject: "role \(role)", isFine: true,
            detail: "is a superuser; Rollcall needs no more than to read audiences and to own its schema",
            mend:
                "CREATE ROLE rollcall LOGIN PASSWORD '…'; CREATE SCHEMA \(tables.quotedSchema) AUTHORIZATION rollcall;")
    }

    private var subject: String { "state schema \(tables.schema)" }

    private func missingSchema(_ role: String, mayCreate: Bool) -> Finding {
        mayCreate
            ? Finding(subject: subject, isFine: true, detail: "not there yet; the first run creates it")
            : Finding(
                subject: subject, isFine: false, detail: "is missing, and the role \(role) may not create it",
                mend: "CREATE SCHEMA \(tables.quotedSchema) AUTHORIZATION \(PostgresText.identifier(role));")
    }

    private func existingSchema(_ role: String) throws -> [Finding] {
        let rights = try session.query(
            "SELECT has_schema_privilege($1, 'USAGE'), has_schema_privilege($1, 'CREATE')", [tables.schema])
        guard rights.boolean(0, 0) else {
            return [
                Finding(
                    subject: subject, isFine: false, detail: "the role \(role) may not use it",
                    mend: tables.grants(to: role))
            ]
        }
        let ledger = try session.query(
            "SELECT has_table_privilege(c.oid, 'SELECT') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                + " WHERE n.nspname = $1 AND c.relname = 'schema_migrations'", [tables.schema])
        guard ledger.rowCount > 0 else { return [emptySchema(role, mayCreate: rights.boolean(0, 1))] }
        guard ledger.boolean(0, 0) else { return [unwritable(["schema_migrations"], role)] }
        return [try version(), try rightsOnTables(role)]
    }

    private func emptySchema(_ role: String, mayCreate: Bool) -> Finding {
        mayCreate
            ? Finding(subject: subject, isFine: true, detail: "has no state tables yet; the first run creates them")
            : Finding(
                subject: subject, isFine: false,
                detail: "has no state tables, and the role \(role) may not create them",
                mend: tables.grants(to: role))
    }

    private func version() throws -> Finding {
        let version = try PostgresWarehouse.version(session) ?? 0
        let known = PostgresWarehouse.knownVersion
        return switch version {
        case known: Finding(subject: subject, isFine: true, detail: "version \(version)")
        case ..<known:
            Finding(
                subject: subject, isFine: true, detail: "version \(version); the next run upgrades it to \(known)")
        default:
            Finding(
                subject: subject, isFine: false,
                detail: "version \(version) is newer than this Rollcall knows (\(known))",
                mend: "Use the newer Rollcall.")
        }
    }

    private func rightsOnTables(_ role: String) throws -> Finding {
        let result = try session.query(
            """
            SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
               AND c.relname IN ('sync_runs', 'sync_log', 'list_members', 'sync_changes', 'settling_requests',
                                 'stray_requests', 'sync_state', 'sync_leases', 'schedule_ticks')
               AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                        AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
             ORDER BY 1
            """, [tables.schema])
        var names: [String] = []
        for row in 0..<result.rowCount { names.append(result.text(row, 0) ?? "") }
        guard names.isEmpty else { return unwritable(names, role) }
        return Finding(subject: "state tables", isFine: true, detail: "readable and writable")
    }

    private func unwritable(_ names: [String], _ role: String) -> Finding {
        Finding(
            subject: "state tables", isFine: false,
            detail: "the role \(role) may not write \(names.joined(separator: ", "))", mend: tables.grants(to: role))
    }
}
