import GRDB

/// Creates and upgrades the state tables from ``EmbeddedMigrations``.
enum SQLiteMigrations {
    static var newest: Int { EmbeddedMigrations.sqlite.last?.version ?? 0 }

    /// Version of the state tables; nil where there are none.
    static func version(_ database: Database) throws -> Int? {
        guard try hasTable("rollcall_schema_migrations", database) else { return nil }
        return try database.firstRow("SELECT max(version) FROM main.rollcall_schema_migrations") {
            $0.integer(0).map(Int.init)
        } ?? nil
    }

    static func hasTable(_ name: String, _ database: Database) throws -> Bool {
        try database.firstRow(
            "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = :name", ["name": .of(name)]
        ) { _ in true } ?? false
    }

    /// - Throws: ``WarehouseError/Kind/schemaTooNew``.
    static func refuseNewer(_ database: Database) throws {
        guard let version = try stateVersion(database) else { return }
        if let refusal = version.refusal(EmbeddedMigrations.sqlite, place: "rollcall_*") { throw refusal }
    }

    /// How new the tables are; nil where there are none.
    static func stateVersion(_ database: Database) throws -> StateVersion? {
        guard let version = try version(database) else { return nil }
        let oldest =
            version < StateVersion.firstThatSays
            ? nil
            : try database.firstRow(
                "SELECT compatible_from FROM main.rollcall_schema_migrations ORDER BY version DESC LIMIT 1"
            ) { $0.integer(0).map(Int.init) } ?? nil
        return StateVersion(version: version, compatibleFrom: oldest)
    }

    /// Runs inside a writing transaction.
    static func apply(_ database: Database) throws -> MigrationResult {
        try refuseNewer(database)
        let before = try version(database)
        try database.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS rollcall_schema_migrations (
                    version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)
                """)
        for migration in EmbeddedMigrations.sqlite where migration.version > before ?? 0 {
            try execute(migration.sql, database)
            try database.change(
                """
                INSERT INTO rollcall_schema_migrations (version, name, applied_at)
                VALUES (:version, :name, \(SQLiteTime.now))
                """, ["version": .of(migration.version), "name": .of(migration.name)])
            if migration.version >= StateVersion.firstThatSays {
                try database.change(
                    "UPDATE rollcall_schema_migrations SET compatible_from = :oldest WHERE version = :version",
                    ["version": .of(migration.version), "oldest": .of(migration.compatibleFrom)])
            }
        }
        return MigrationResult(from: before, to: max(before ?? 0, newest))
    }

    private static func execute(_ sql: String, _ database: Database) throws {
        do {
            try database.execute(sql: sql)
        } catch {
            // The connection would keep them, which no transaction takes back.
            try? database.execute(sql: "PRAGMA writable_schema = RESET; PRAGMA legacy_alter_table = OFF")
            throw error
        }
    }
}
