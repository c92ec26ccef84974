internal import RollcallCore

/// Reads what a sync says of the catalog it keeps.
enum CatalogReader {
    static func read(_ sync: SectionReader, warehouse: WarehouseType?) -> CatalogSettings? {
        let catalog = sync.require(RecordKeys.catalog) ? sync.section(RecordKeys.catalog) : nil
        let name = catalog.flatMap(name)
        let create = catalog?.boolean(CatalogKeys.create) ?? false
        let key = keyColumn(sync)
        let fields = FieldReader.selection(sync, .catalog)
        let mode = mode(sync)
        let documents = sync.choice(RecordKeys.documents, of: CatalogSettings.Documents.self)
        let duplicates = DuplicateReader.read(sync)
        let verify = sync.section(RecordKeys.verify).map(verification)
        let cursor = CursorReader.read(sync)
        guard let name, let key, let fields else { return nil }
        var settings = CatalogSettings(name: name, key: key.column, fields: fields)
        settings.create = create
        settings.encodesKey = key.encodes
        settings.mode = mode ?? .upsert
        settings.documents = documents?.value
        settings.duplicates = duplicates
        settings.verify = verify
        settings.cursor = cursor
        return settings
    }

    private static func mode(_ sync: SectionReader) -> CatalogSettings.Mode? {
        let key = RecordKeys.mode.narrowed(to: .catalog)
        guard let mode = sync.choice(key, of: RecordMode.self) else { return nil }
        if let known = CatalogSettings.Mode(rawValue: mode.value.rawValue) { return known }
        sync.reportWrong(key, mode.map(\.rawValue), "is a mode of users syncs; this one is catalog")
        return nil
    }

    private static func verification(_ reader: SectionReader) -> CatalogSettings.Verification {
        var verification = CatalogSettings.Verification()
        if let sample = reader.integer(VerifyKeys.sample) { verification.sample = Int(sample) }
        if let seconds = reader.span(VerifyKeys.within) { verification.seconds = seconds }
        return verification
    }

    private static func name(_ reader: SectionReader) -> String? {
        guard let name = reader.text(CatalogKeys.name) else { return nil }
        guard ItemID.isValid(Array(name.value.utf8)) else {
            reader.reportWrong(
                CatalogKeys.name, name, "cannot be the name of a catalog",
                expected: "1 to \(ItemID.longest) letters, digits and hyphens")
            return nil
        }
        return name.value
    }

    private static func keyColumn(_ sync: SectionReader) -> (column: String, encodes: Bool)? {
        let key = RecordKeys.key.narrowed(to: .catalog)
        guard sync.require(key) else { return nil }
        guard let section = sync.section(key, as: KeyColumnKeys.section) else {
            return sync.text(key).map { ($0.value, false) }
        }
        let encodes = section.boolean(KeyColumnKeys.encode) ?? false
        return section.text(KeyColumnKeys.column).map { ($0.value, encodes) }
    }
}
