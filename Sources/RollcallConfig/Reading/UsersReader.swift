internal import RollcallCore

/// Reads what a sync says of the profiles it keeps.
enum UsersReader {
    static func read(_ sync: SectionReader) -> UserSettings? {
        let mode = mode(sync)
        let key = KeyReader.columns(sync, .users)
        let fields = FieldReader.selection(sync, .users)
        var settings = UserSettings(fields: fields ?? .all(except: []))
        if let key { settings.key = key }
        if let mode { settings.mode = mode }
        readRules(sync, &settings)
        settings.duplicates = DuplicateReader.read(sync)
        settings.cursor = CursorReader.read(sync)
        UserFields.checkNulls(settings, sync)
        guard key != nil, fields != nil else { return nil }
        return settings
    }

    private static func mode(_ sync: SectionReader) -> UserSettings.Mode? {
        let key = RecordKeys.mode.narrowed(to: .users)
        guard let mode = sync.choice(key, of: RecordMode.self) else { return nil }
        if let known = UserSettings.Mode(rawValue: mode.value.rawValue) { return known }
        sync.reportWrong(
            key, mode.map(\.rawValue), "is a mode of catalog syncs; this one is users",
            hint: "What becomes of people whose rows are gone is said by on_leave: keep, clear or delete.")
        return nil
    }

    /// In email projects several profiles may have one userId, and a deletion by it would delete them all.
    static func checkLeaving(_ sync: SectionReader, _ settings: SyncSettings, _ projectType: ProjectType?) {
        guard case .users(let users) = settings.target, users.onLeave == .delete, let projectType,
            users.finding(in: projectType, settings.mapping).0.updatesByUserID
        else { return }
        sync.report(
            at: RecordKeys.onLeave,
            "\(sync.path(of: RecordKeys.onLeave.name)) is delete, but the people of this sync are found by user_id in a"
                + " project of type email",
            expected: "keep or clear",
            hint: "Several profiles may have one userId there, and all of them would be deleted: map email, or set"
                + " on_leave: clear.")
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
