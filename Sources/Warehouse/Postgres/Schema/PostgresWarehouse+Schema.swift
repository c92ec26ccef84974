import Foundation
import RollcallCore

extension PostgresWarehouse {
    /// The version that this binary brings the state tables to.
    static var knownVersion: Int { EmbeddedMigrations.postgres.map(\.version).max() ?? 0 }

    package func schemaVersion() async throws(WarehouseError) -> Int? {
        try await read(orWithoutTables: nil) { try Self.version($0) }
    }

    static func version(_ session: PostgresSession) throws -> Int? {
        try session.query("SELECT max(version) FROM schema_migrations").integer(0, 0).map(Int.init)
    }

    /// How new the tables are; nil where there are none.
    static func stateVersion(_ session: PostgresSession) throws -> StateVersion? {
        let newest = try session.query(
            "SELECT version, to_jsonb(m) ->> 'compatible_from' FROM schema_migrations m ORDER BY version DESC LIMIT 1")
        return newest.integer(0, 0).map {
            StateVersion(version: Int($0), compatibleFrom: newest.integer(0, 1).map(Int.init))
        }
    }

    /// - Throws: ``WarehouseError/Kind/schemaTooNew``.
    static func refuseNewer(_ session: PostgresSession, _ tables: PostgresStateTables) throws {
        guard let version = try stateVersion(session) else { return }
        let refusal = version.refusal(EmbeddedMigrations.postgres, place: "in schema \(tables.schema)")
        if let refusal { throw refusal }
    }

    package func migrate() async throws(WarehouseError) -> MigrationResult {
        let tables = tables
        let begin = tables.begin(.readWrite, isLong: true)
        do {
            try await buildKeys()
            return try await waiting(.state)() {
                try await worker(.state).run { session in
                    try session.transaction(begin) { try Self.migrate($0, tables) }
                }
            }
        } catch let failure as PostgresFailure where failure.kind == .permission {
            throw WarehouseError(
                .permission, "Postgres: \(failure.message)",
                hint: "CREATE SCHEMA IF NOT EXISTS \(tables.quotedSchema);"
                    + " GRANT USAGE, CREATE ON SCHEMA \(tables.quotedSchema)"
                    + " TO \(PostgresText.identifier(failure.role));")
        } catch {
            throw stateError(error)
        }
    }

    /// What must be done outside the migration's transaction.
    private func buildKeys() async throws {
        let keys = PostgresKeys(tables: tables)
        guard try await read(orWithoutTables: .ready, { try keys.standing($0) }) != .ready else { return }
        try await worker(.long).runCancellable { try keys.build($0, $1) }
    }

    static func migrate(_ session: PostgresSession, _ tables: PostgresStateTables) throws -> MigrationResult {
        _ = try session.query(
            "SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))", ["rollcall migrate", tables.schema])
        let schema = try session.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [tables.schema])
        if schema.rowCount == 0 {
            try session.execute("CREATE SCHEMA \(tables.quotedSchema)")
        } else {
            try tables.requireUsage(session)
        }
        let from = try createLedger(session, tables)
        try refuseNewer(session, tables)
        for migration in EmbeddedMigrations.postgres where migration.version > (from ?? 0) {
            if migration.version == PostgresKeys.version {
                try PostgresKeys(tables: tables).apply(migration.sql, session)
            } else {
                try session.execute(migration.sql)
            }
            try session.modify(
                "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1::integer, $2, clock_timestamp())",
                [String(migration.version), migration.name])
            if migration.version >= StateVersion.firstThatSays {
                try session.modify(
                    "UPDATE schema_migrations SET compatible_from = $2::integer WHERE version = $1::integer",
                    [String(migration.version), String(migration.compatibleFrom)])
            }
        }
        return MigrationResult(from: from, to: max(from ?? 0, knownVersion))
    }

    /// Without this right, the server says of tables that are there that they do not exist.
    /// The version so far; makes the ledger where there is none.
    private static func createLedger(_ session: PostgresSession, _ tables: PostgresStateTables) throws -> Int? {
        let ledger = try session.query(
            "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                + " WHERE n.nspname = $1 AND c.relname = 'schema_migrations'", [tables.schema])
        if ledger.rowCount > 0 { return try version(session) }
        try session.execute(
            "CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL,"
                + " applied_at timestamptz NOT NULL)")
        return nil
    }
}
