import GRDB

/// Creates and upgrades the state tables from ``EmbeddedMigrations``.
enum SQLiteMigrations {
    static var newest: Int { EmbeddedMigrations.sqlite.last?.version ?? 0 }

    /// Version of the state tables; nil where there are none.
    static func version(_ database: Database) throws -> Int? {
        let exists = try database.firstRow(
            "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = 'rollcall_schema_migrations'"
        ) { _ in true }
        guard exists == true else { return nil }
        return try database.firstRow("SELECT max(version) FROM main.rollcall_schema_migrations") {
            $0.integer(0).map(Int.init)
        } ?? nil
    }

    static func refuseNewer(_ version: Int) throws {
        guard version <= newest else {
            throw WarehouseError(
                .schemaTooNew,
                "Rollcall's state tables are of version \(version); this binary knows versions up to \(newest).",
                hint: "Use the newer Rollcall that wrote them.")
        }
    }

    /// Runs inside a writing transaction.
    static func apply(_ database: Database) throws -> MigrationResult {
        let before = try version(database)
        try refuseNewer(before ?? 0)
        try database.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS rollcall_schema_migrations (
                    version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)
                """)
        for migration in EmbeddedMigrations.sqlite where migration.version > before ?? 0 {
            try database.execute(sql: migration.sql)
            try database.change(
                "INSERT INTO rollcall_schema_migrations VALUES (:version, :name, \(SQLiteTime.now))",
                ["version": .of(migration.version), "name": .of(migration.name)])
        }
        return MigrationResult(from: before, to: newest)
    }
}
