internal import Foundation
internal import RollcallCore
internal import Yams

/// Reads `fields` and `except`.
enum FieldReader {
    static func selection(_ sync: SectionReader, _ kind: RecordKind) -> FieldSelection? {
        let key = RecordKeys.fields.narrowed(to: kind)
        if !key.isRequired, !sync.has(key) { return none(sync) }
        guard sync.require(key) else { return nil }
        guard let names = sync.valuesByName(RecordKeys.fields) else {
            let except = sync.texts(RecordKeys.except)
            guard let word = sync.text(key) else { return nil }
            if word.value == RecordKeys.all { return .all(except: except ?? []) }
            sync.reportWrong(
                RecordKeys.fields, word, "is neither \"all\" nor a mapping",
                expected: "all, or each field as \"name: column\" below it")
            return nil
        }
        if sync.has(RecordKeys.except) {
            sync.report(
                at: RecordKeys.except, "\(sync.path(of: "except")) stands beside a mapping of fields",
                hint: "It belongs to fields: all. Take the fields out of the mapping instead.")
        }
        if names.section.keys.isEmpty {
            sync.report(
                at: RecordKeys.fields, "\(sync.path(of: "fields")) is empty",
                expected: "all, or each field as \"name: column\" below it")
            return nil
        }
        checkCount(names.section.keys.count, sync, kind)
        let fields = names.section.keys.compactMap { key in
            field(key, in: names, kind).flatMap { isRight($0, key, names, kind) ? $0 : nil }
        }
        if kind != .catalog { NestedFields.checkObjects(names) }
        return fields.count == names.section.keys.count ? .only(fields) : nil
    }

    /// The selection of a sync that says nothing of fields.
    private static func none(_ sync: SectionReader) -> FieldSelection {
        if sync.has(RecordKeys.except) {
            sync.report(
                at: RecordKeys.except, "\(sync.path(of: "except")) stands without fields: all",
                hint: "Without fields, none are sent. Take it out, or add fields: all.")
        }
        return .only([])
    }

    private static func checkCount(_ count: Int, _ sync: SectionReader, _ kind: RecordKind) {
        let (most, owner) =
            switch kind {
            case .list, .users: (UserSettings.mostFields, "a project")
            case .events: (EventSettings.mostFields, "an event")
            case .catalog: (CatalogSettings.mostFields, "a catalog")
            }
        if count <= most { return }
        sync.report(
            at: RecordKeys.fields, "\(sync.path(of: "fields")) has \(count) fields",
            expected: "at most \(most), which is what \(owner) has")
    }

    /// Whether a kind of record may have a field of this name; that it may not is reported.
    private static func isName(_ key: ConfigurationKey, _ names: SectionReader, _ kind: RecordKind) -> Bool {
        if kind == .users || kind == .list { return UserFields.isName(key, names) }
        if kind == .events { return NestedFields.isName(key, names) }
        guard key.name.isEmpty || key.name.contains(".") else { return true }
        names.report(
            at: key, "the field \(TextLayout.quoted(key.name)) has a dot in its name, or no name",
            hint: "Fields of catalogs take neither: give it another name.")
        return false
    }

    /// What the file alone tells of a field.
    private static func isRight(
        _ field: FieldSetting, _ key: ConfigurationKey, _ names: SectionReader, _ kind: RecordKind
    ) -> Bool {
        guard isName(key, names, kind) else { return false }
        if case .point = field.source, !key.name.hasSuffix(FieldSetting.pointSuffix) {
            names.report(
                at: key, "the geo field \(TextLayout.quoted(key.name)) does not end in \(FieldSetting.pointSuffix)",
                suggestion: TextLayout.quoted(key.name + FieldSetting.pointSuffix),
                hint: "Iterable knows geo fields by that ending.")
            return false
        }
        guard case .column(_, let type?, _) = field.source, let fallback = field.fallback,
            let wanted = FieldType(rawValue: type.rawValue), (try? fallback.json(as: wanted)) == nil
        else { return true }
        names.report(
            at: key, "the default of \(names.path(of: key.name)) is no \(type.rawValue)",
            expected: "a constant of the field's type")
        return false
    }

    private static func field(_ key: ConfigurationKey, in names: SectionReader, _ kind: RecordKind) -> FieldSetting? {
        guard let reader = names.section(key, as: FieldKeys.section) else {
            return names.text(key).map { FieldSetting(name: key.name, source: .column($0.value)) }
        }
        let nulls = nulls(reader, kind)
        if reader.has(FieldKeys.value) { return constant(key.name, reader) }
        let type = reader.choice(FieldKeys.type, of: DeclaredType.self)
        let fallback = reader.constant(FieldKeys.fallback)
        let zone = timeZone(reader, type?.value)
        if reader.isList(FieldKeys.column) {
            guard let columns = reader.texts(FieldKeys.column), let source = point(columns, type?.value, reader) else {
                return nil
            }
            return FieldSetting(name: key.name, source: source, nulls: nulls)
        }
        guard let column = reader.text(FieldKeys.column) else { return nil }
        if type?.value == .geo {
            reader.report(
                at: FieldKeys.column, "\(reader.path(of: "column")) names one column, and a geo field needs two",
                expected: "column: [latitude, longitude]")
            return nil
        }
        return FieldSetting(
            name: key.name, source: .column(column.value, type: type?.value, zone: zone), fallback: fallback,
            nulls: nulls)
    }

    /// What a field of users or lists says of NULL; fields of others say nothing of it.
    private static func nulls(_ reader: SectionReader, _ kind: RecordKind) -> NullRule? {
        let key = FieldKeys.nulls
        guard reader.has(key) else { return nil }
        guard kind == .users || kind == .list else {
            reader.report(
                at: key, "\(reader.path(of: key.name)) is a key of list or users syncs; this one is \(kind.rawValue)",
                hint: kind == .events ? nullsOfEvents : "Take it out.")
            return nil
        }
        if let other = [FieldKeys.value, FieldKeys.fallback].first(where: { reader.has($0) }) {
            reader.report(
                at: key, "\(reader.path(of: key.name)) has no effect beside \(other.name)",
                hint: "Such a field always has a value. Take one of the two out.")
        }
        return reader.choice(key, of: NullRule.self)?.value
    }

    /// What to do about `nulls` in a sync of events.
    static let nullsOfEvents = "A field of an event whose column is NULL is left out. Take the key out."

    private static func constant(_ name: String, _ reader: SectionReader) -> FieldSetting? {
        for key in [FieldKeys.fallback, FieldKeys.type, FieldKeys.timeZone] where reader.has(key) {
            reader.report(at: key, "\(reader.path(of: key.name)) has no effect beside value", hint: "Take it out.")
        }
        return reader.constant(FieldKeys.value).map { FieldSetting(name: name, source: .constant($0)) }
    }

    private static func point(
        _ columns: [String], _ type: DeclaredType?, _ reader: SectionReader
    ) -> FieldSetting.Source? {
        guard type == .geo else {
            reader.report(
                at: FieldKeys.column, "\(reader.path(of: "column")) names two columns, which only a geo field has",
                hint: "Add type: geo, or name one column.")
            return nil
        }
        for key in [FieldKeys.fallback, FieldKeys.timeZone] where reader.has(key) {
            reader.report(at: key, "\(reader.path(of: key.name)) is no key of a geo field", hint: "Take it out.")
        }
        return .point(latitude: columns[0], longitude: columns[1])
    }

    private static func timeZone(_ reader: SectionReader, _ type: DeclaredType?) -> String? {
        guard let name = reader.text(FieldKeys.timeZone) else { return nil }
        guard TimeZone(identifier: name.value) != nil else {
            reader.reportWrong(
                FieldKeys.timeZone, name, "is no time zone", expected: "a name such as Europe/Berlin or UTC")
            return nil
        }
        if let type, type != .date {
            reader.report(
                at: FieldKeys.timeZone, "\(name.path) stands beside type: \(type.rawValue)",
                hint: "Only dates have a time zone. Take it out.")
        }
        return name.value
    }
}

extension SectionReader {
    /// Whether a list stands behind a key.
    func isList(_ key: ConfigurationKey) -> Bool {
        if case .sequence? = entries[key.name]?.node { true } else { false }
    }

    /// The mapping with fixed keys behind a key that may also be something else; nil where it is something else.
    func section(_ key: ConfigurationKey, as section: ConfigurationSection) -> SectionReader? {
        guard let entry = entries[key.name], case .mapping = entry.node else { return nil }
        return SectionReader(
            entry.node, section: section, path: path(of: key.name), position: entry.position, context: context)
    }

    /// The mapping from names of the user's choice behind a key, read like a section that has a key for each of them; nil where
    /// something else stands there.
    func valuesByName(_ key: ConfigurationKey) -> SectionReader? {
        guard let entry = entries[key.name], case .mapping = entry.node,
            let pairs = MappingPairs.read(entry.node, path: path(of: key.name), context: context)
        else { return nil }
        let keys = pairs.map { pair in
            ConfigurationKey(pair.key, .text(TextRule()), "A field.")
        }
        return SectionReader(
            entry.node, section: ConfigurationSection(keys: keys), path: path(of: key.name), position: entry.position,
            context: context)
    }

    /// A list of texts; nil when it is missing or wrong, which is reported.
    func texts(_ key: ConfigurationKey) -> [String]? { locatedTexts(key)?.map(\.value) }

    /// The same, each with its place.
    func locatedTexts(_ key: ConfigurationKey) -> [Located<String>]? {
        guard let entry = entries[key.name] else { return nil }
        var count = 1...Int.max
        if case .texts(let range) = key.kind { count = range }
        if case .anyOf(let kinds) = key.kind {
            for case .texts(let range) in kinds { count = range }
        }
        if case .sequence(let items) = entry.node, items.isEmpty, count.lowerBound > 0 {
            report(at: key, "\(path(of: key.name)) is an empty list", expected: ValueKind.texts(count).words)
            return nil
        }
        guard case .sequence(let items) = entry.node, count.contains(items.count) else {
            report(
                at: key, "\(path(of: key.name)) is not a list of that many texts",
                expected: ValueKind.texts(count).words)
            return nil
        }
        let item = ConfigurationSection(
            keys: items.indices.map { ConfigurationKey("\($0)", .text(TextRule()), "", isSecret: key.isSecret) })
        let pairs = items.enumerated().map { (Node.scalar(.init("\($0)", .implicit, .any, $1.mark)), $1) }
        let reader = SectionReader(
            Node.mapping(.init(pairs)), section: item, path: path(of: key.name), position: entry.position,
            context: context)
        let texts = item.keys.compactMap { reader?.text($0) }
        return texts.count == items.count ? texts : nil
    }
}
