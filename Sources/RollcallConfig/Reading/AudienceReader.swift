internal import RollcallCore

/// Reads `audience`.
enum AudienceReader {
    static func read(_ reader: SectionReader, warehouse: WarehouseType?) -> AudienceSource? {
        let sources = [AudienceKeys.table, AudienceKeys.query, AudienceKeys.queryFile]
        guard sources.count(where: reader.has) == 1 else { return nil }
        if reader.has(AudienceKeys.table) { return table(reader, warehouse: warehouse) }
        if reader.has(AudienceKeys.query) { return query(reader) }
        if reader.has(AudienceKeys.queryFile) { return queryFile(reader) }
        return nil
    }

    /// How the rows are read; reports what the kind of the sync or the type of the warehouse does not have.
    /// - Parameter hasCursor: whether a sync of events, of which that is asked, has a cursor.
    static func readSetting(
        _ reader: SectionReader, _ kind: RecordKind, hasCursor: Bool, warehouse: WarehouseType?
    ) -> ReadSetting {
        let key = AudienceKeys.read
        guard reader.has(key) else { return .all }
        let setting = reader.choice(key, of: ReadSetting.self)
        guard kind != .events else {
            if hasCursor || setting?.value == .changed {
                reader.report(
                    at: key, "\(reader.path(of: key.name)) is not for events",
                    hint: "Take it out: events have a cursor for it, by which only new rows are read.")
            }
            return .all
        }
        guard let setting else { return .all }
        guard warehouse == .sqlite else { return setting.value }
        if setting.value == .changed {
            reader.report(
                at: key,
                "\(reader.path(of: key.name)) is changed, and the warehouse is a SQLite file, whose rows are all read",
                expected: "all or auto",
                hint: "The rows of a file do not travel, so nothing would be saved. Take it out.")
        }
        return .all
    }

    private static func table(_ reader: SectionReader, warehouse: WarehouseType?) -> AudienceSource? {
        guard let name = reader.text(AudienceKeys.table) else { return nil }
        do {
            let parts = try TableName.parse(name.value, foldsCase: warehouse == .postgres)
            // Postgres cuts longer names off in silence. Source: PostgreSQL documentation, "Identifiers and Key Words".
            if warehouse == .postgres, parts.contains(where: { $0.utf8.count > 63 }) {
                reader.reportWrong(
                    AudienceKeys.table, name, "has a name of more than 63 bytes, the most that Postgres keeps")
                return nil
            }
            return .table(parts)
        } catch {
            reader.reportWrong(
                AudienceKeys.table, name, error.reason, expected: "table or schema.table", hint: error.hint)
            return nil
        }
    }

    private static func query(_ reader: SectionReader) -> AudienceSource? {
        guard let query = reader.text(AudienceKeys.query) else { return nil }
        let text = stripped(query.value)
        guard !text.isEmpty else {
            reader.report(at: AudienceKeys.query, "\(query.path) is empty", expected: "a single SELECT")
            return nil
        }
        return .query(text, file: nil)
    }

    /// The query file is taken unchanged: `${NAME}` is not replaced in it.
    private static func queryFile(_ reader: SectionReader) -> AudienceSource? {
        let key = AudienceKeys.queryFile
        guard let name = reader.text(key) else { return nil }
        let path = reader.context.absolutePath(name.value)
        do {
            let text = stripped(try ConfigurationFile.read(path))
            guard !text.isEmpty else {
                reader.reportWrong(key, name, "is an empty file", expected: "a file with a single SELECT")
                return nil
            }
            guard !text.contains("\0") else {
                reader.reportWrong(key, name, "has a NUL character in it", expected: "a file with a single SELECT")
                return nil
            }
            return .query(text, file: path)
        } catch {
            let place = error.position.map { " (line \($0.line), column \($0.column) of it)" } ?? ""
            reader.reportWrong(
                key, name, "cannot be used: \(error.message)\(place)", expected: "a file with a single SELECT",
                hint: error.hint ?? (error.isMissing ? "Relative paths count from the configuration's folder." : nil))
            return nil
        }
    }

    /// Without white space around it, and without one semicolon at the end.
    static func stripped(_ query: String) -> String {
        var text = query[...].trimmingBlanks()
        if text.last == ";" {
            text.removeLast()
            text = text.trimmingBlanks()
        }
        return String(text)
    }
}
