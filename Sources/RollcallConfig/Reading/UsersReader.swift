internal import RollcallCore

/// Reads what a sync says of the profiles it keeps.
enum UsersReader {
    static func read(_ sync: SectionReader) -> UserSettings? {
        checkMode(sync)
        let key = KeyReader.columns(sync, .users)
        let fields = FieldReader.selection(sync, .users)
        var settings = UserSettings(fields: fields ?? .all(except: []))
        if let key { settings.key = key }
        readRules(sync, &settings)
        settings.duplicates = DuplicateReader.read(sync)
        UserFields.checkNulls(settings, sync)
        guard key != nil, fields != nil else { return nil }
        return settings
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
