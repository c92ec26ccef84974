internal import RollcallCore

/// Reads what a sync says of the catalog it keeps.
enum CatalogReader {
    static func read(_ sync: SectionReader, warehouse: WarehouseType?) -> CatalogSettings? {
        let catalog = sync.require(RecordKeys.catalog) ? sync.section(RecordKeys.catalog) : nil
        let name = catalog.flatMap(name)
        let create = catalog?.boolean(CatalogKeys.create) ?? false
        let key = keyColumn(sync)
        let fields = FieldReader.selection(sync)
        let mode = sync.choice(RecordKeys.mode, of: CatalogSettings.Mode.self)
        let documents = sync.choice(RecordKeys.documents, of: CatalogSettings.Documents.self)
        let duplicates = duplicates(sync)
        guard let name, let key, let fields else { return nil }
        var settings = CatalogSettings(name: name, key: key.column, fields: fields)
        settings.create = create
        settings.encodesKey = key.encodes
        settings.mode = mode?.value ?? .upsert
        settings.documents = documents?.value
        settings.duplicates = duplicates
        return settings
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
        guard sync.require(RecordKeys.key) else { return nil }
        guard let section = sync.section(RecordKeys.key, as: KeyColumnKeys.section) else {
            return sync.text(RecordKeys.key).map { ($0.value, false) }
        }
        let encodes = section.boolean(KeyColumnKeys.encode) ?? false
        return section.text(KeyColumnKeys.column).map { ($0.value, encodes) }
    }

    private static func duplicates(_ sync: SectionReader) -> DuplicateRule {
        if let section = sync.section(RecordKeys.duplicates, as: DuplicateKeys.section) {
            return section.text(DuplicateKeys.newest).map { .newest($0.value) } ?? .refuse
        }
        if let word = sync.text(RecordKeys.duplicates), word.value != RecordKeys.refuse {
            sync.reportWrong(
                RecordKeys.duplicates, word, "is not one of the choices",
                expected: "refuse, or { newest: column }")
        }
        return .refuse
    }
}
