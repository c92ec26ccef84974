internal import RollcallCore

/// Reads what a sync says of the profiles it keeps.
enum UsersReader {
    static func read(_ sync: SectionReader) -> UserSettings? {
        checkMode(sync)
        let key = keyColumns(sync)
        let fields = FieldReader.selection(sync, .users)
        var settings = UserSettings(fields: fields ?? .all(except: []))
        if let key { settings.key = key }
        readRules(sync, &settings)
        settings.duplicates = DuplicateReader.read(sync)
        UserFields.checkNulls(settings, sync)
        guard key != nil, fields != nil else { return nil }
        return settings
    }

    /// Empty where the file leaves it out; nil when it is wrong, which is reported.
    private static func keyColumns(_ sync: SectionReader) -> [String]? {
        let key = RecordKeys.key.narrowed(to: .users)
        guard sync.has(key) else { return [] }
        guard sync.isList(key) else { return sync.text(key).map { [$0.value] } }
        guard let columns = sync.texts(key) else { return nil }
        // Bytes, as the warehouses tell names apart.
        var seen: Set<[UInt8]> = []
        guard let twice = columns.first(where: { !seen.insert(Array($0.utf8)).inserted }) else { return columns }
        sync.report(
            at: key, "\(sync.path(of: key.name)) names the column \(TextLayout.quoted(twice)) twice",
            hint: "Name each column of the key once.")
        return nil
    }

    /// Catalogs have a mode more than users.
    private static func checkMode(_ sync: SectionReader) {
        let key = RecordKeys.mode.narrowed(to: .users)
        guard let mode = sync.choice(key, of: CatalogSettings.Mode.self), mode.value == .mirror else { return }
        sync.reportWrong(
            key, mode.map(\.rawValue), "is a mode of catalog syncs; this one is users",
            hint: "Profiles are never deleted: those of people whose rows are gone stay as they are.")
    }

    private static func readRules(_ sync: SectionReader, _ settings: inout UserSettings) {
        if let nulls = sync.choice(RecordKeys.nulls, of: NullRule.self) { settings.nulls = nulls.value }
        if let nested = sync.choice(RecordKeys.nested, of: UserSettings.Nested.self) { settings.nested = nested.value }
        if let rule = sync.choice(RecordKeys.newFields, of: UserSettings.NewFields.self) {
            settings.newFields = rule.value
        }
        if let rule = sync.choice(RecordKeys.onLeave, of: UserSettings.Leaving.self) { settings.onLeave = rule.value }
        if let rule = sync.choice(RecordKeys.identityChanges, of: UserSettings.IdentityChanges.self) {
            settings.identityChanges = rule.value
        }
    }
}
