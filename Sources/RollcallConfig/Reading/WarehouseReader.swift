internal import RollcallCore

/// Reads one entry of `warehouses`.
enum WarehouseReader {
    /// Its type, and its settings where they are all right.
    struct Draft {
        var type: WarehouseType?
        var settings: WarehouseSettings?
    }

    static func read(_ reader: SectionReader) -> Draft {
        guard let type = reader.choice(WarehouseKeys.type, of: WarehouseType.self, meant: typeMeant)?.value else {
            // Without a type nothing can be said about the other keys but what each says by itself.
            _ = reader.text(WarehouseKeys.path)
            _ = reader.text(WarehouseKeys.url)
            return Draft()
        }
        reader.refuseKeys(beyond: type.rawValue, what: "warehouse")
        let waitSeconds = reader.number(WarehouseKeys.waitSeconds) ?? 120
        let settings: WarehouseSettings? =
            switch type {
            case .sqlite: sqlite(reader, waitSeconds)
            case .postgres: postgres(reader, waitSeconds)
            }
        return Draft(type: type, settings: settings)
    }

    private static func typeMeant(_ text: String) -> String? {
        switch text.lowercased() {
        case "postgresql", "pg", "psql": "postgres"
        case "sqlite3", "file": "sqlite"
        default: nil
        }
    }

    private static func sqlite(_ reader: SectionReader, _ waitSeconds: Double) -> WarehouseSettings? {
        guard reader.require(WarehouseKeys.path, "\(WarehouseKeys.path.name), as in every sqlite warehouse"),
            let path = reader.text(WarehouseKeys.path)
        else { return nil }
        if path.value.hasPrefix(":memory:") || path.value.hasPrefix("file:") {
            reader.reportWrong(
                WarehouseKeys.path, path, "is no path of a file", expected: "the path of a database file",
                hint: "State and logs must outlive the process, so the warehouse is always a file.")
            return nil
        }
        if path.value.hasPrefix("~") {
            reader.reportWrong(
                WarehouseKeys.path, path, "begins with \"~\", which is not expanded", expected: "a path",
                hint: "Write ${HOME} in its place.")
            return nil
        }
        return .sqlite(path: reader.context.absolutePath(path.value), waitSeconds: waitSeconds)
    }

    private static func postgres(_ reader: SectionReader, _ waitSeconds: Double) -> WarehouseSettings? {
        let schema = stateSchema(reader)
        let options = options(reader)
        guard reader.require(WarehouseKeys.url, "\(WarehouseKeys.url.name), as in every postgres warehouse"),
            let url = reader.text(WarehouseKeys.url)
        else { return nil }
        guard PostgresAddress.isPlausible(url.value) else {
            reader.reportWrong(
                WarehouseKeys.url, url, "is no libpq connection string",
                expected: "postgresql://user@host:5432/database, or a keyword string such as \"service=crm\"")
            return nil
        }
        if PostgresAddress.hasLiteralPassword(url.literal) {
            reader.report(
                at: WarehouseKeys.url, "\(url.path) has a password written into the file",
                expected: "no secret in the file",
                hint: "Take the whole address from the environment (url: ${CRM_DATABASE_URL}) or from .env, write the "
                    + "password as ${NAME}, or use a passfile (~/.pgpass) or a service file.")
            return nil
        }
        guard let schema else { return nil }
        return .postgres(
            url: Secret(url.value), stateSchema: schema, options: options, waitSeconds: waitSeconds)
    }

    private static func options(_ reader: SectionReader) -> PostgresOptions {
        var options = PostgresOptions()
        if let choice = reader.choice(WarehouseKeys.rowSecurity, of: PostgresOptions.RowSecurity.self) {
            options.rowSecurity = choice.value
        }
        if let seconds = reader.number(WarehouseKeys.statementTimeoutSeconds) {
            options.statementTimeoutSeconds = seconds
        }
        return options
    }

    /// Nil when it is wrong. Source: PostgreSQL documentation, "Identifiers and Key Words" and "CREATE SCHEMA".
    private static func stateSchema(_ reader: SectionReader) -> String? {
        guard reader.has(WarehouseKeys.stateSchema) else { return "rollcall" }
        guard let schema = reader.text(WarehouseKeys.stateSchema) else { return nil }
        let lower = schema.value.lowercased()
        if lower.hasPrefix("pg_") || lower == "information_schema" {
            reader.reportWrong(
                WarehouseKeys.stateSchema, schema, "is reserved by Postgres", expected: "a schema of Rollcall's own")
            return nil
        }
        if schema.value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            reader.reportWrong(
                WarehouseKeys.stateSchema, schema, "contains a control character", expected: "the name of a schema")
            return nil
        }
        return schema.value
    }
}
