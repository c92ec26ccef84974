internal import RollcallCore

/// What the names and rules of the fields of users must be.
enum UserFields {
    /// Names of identifiers in Iterable, and the keys of the mapping that send them.
    private static let identifiers = ["email": MappingKeys.email.name, "userId": MappingKeys.userID.name]

    /// Whether a profile may be given a field of this name; that it may not is reported.
    static func isName(_ key: ConfigurationKey, _ names: SectionReader) -> Bool {
        guard NestedFields.isName(key, names) else { return false }
        let path = UserSettings.path(of: key.name)
        let field = "the field \(TextLayout.quoted(key.name))"
        if let identifier = identifiers[path[0]] {
            names.report(
                at: key, "\(field) is an identifier, which the mapping sends",
                hint: "Take it out, and write its column under mapping, behind \(identifier).")
        } else if UserSettings.managedFields.contains(path[0]) {
            names.report(
                at: key, "\(field) is one that Iterable keeps itself", hint: "Take it out, or give it another name.")
        } else {
            return true
        }
        return false
    }

    /// What Iterable replaces as one is cleared as one: its parts have one rule.
    static func checkNulls(_ settings: UserSettings, _ sync: SectionReader, _ kind: RecordKind = .users) {
        guard case .only(let fields) = settings.fields, let names = sync.valuesByName(RecordKeys.fields) else { return }
        // A field with a constant always has a value.
        let parts = fields.filter { $0.fallback == nil && !$0.isConstant }
        let units = Dictionary(grouping: parts) { unit(of: $0, settings.nested) }
        for fields in units.values {
            guard let first = fields.first,
                let other = fields.first(where: { rule($0, settings) != rule(first, settings) }),
                let key = names.section.key(named: other.name)
            else { continue }
            report(other, first, at: key, settings, names, mayMerge: kind == .users && settings.nested == .replace)
        }
    }

    private static func report(
        _ field: FieldSetting, _ first: FieldSetting, at key: ConfigurationKey, _ settings: UserSettings,
        _ names: SectionReader, mayMerge: Bool
    ) {
        let (mine, others) = (rule(field, settings), rule(first, settings))
        names.report(
            at: key,
            "\(names.path(of: field.name)) has nulls: \(mine.rawValue), but \(first.name) has nulls: \(others.rawValue)",
            expected: "one rule for the parts of an object that is sent whole",
            hint: mayMerge
                ? "Give them the same nulls, or set nested: merge in the sync."
                : settings.nested == .merge
                    ? "Iterable merges one level of nesting only. Give them the same nulls."
                    : "Give them the same nulls.")
    }

    /// What is cleared together with a field: the outermost object or, where Iterable merges, a member of it.
    private static func unit(of field: FieldSetting, _ nested: UserSettings.Nested) -> [[UInt8]] {
        NestedFields.bytes(UserSettings.path(of: field.name).prefix(nested == .merge ? 2 : 1))
    }

    private static func rule(_ field: FieldSetting, _ settings: UserSettings) -> NullRule {
        field.nulls ?? settings.nulls
    }
}

extension FieldSetting {
    fileprivate var isConstant: Bool { if case .constant = source { true } else { false } }
}
