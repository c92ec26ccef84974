internal import RollcallCore

/// Reads `event`.
enum EventReader {
    /// The settings that stand there; those of the sync are still to be filled in.
    /// - Parameter sync: its name, which is the namespace where the file gives none.
    static func read(_ reader: SectionReader, sync: String) -> EventSettings? {
        let name = name(reader)
        let names = names(reader, name)
        let id = id(reader)
        let namespace = namespace(reader)
        let createdAt = time(reader)
        let campaignID = number(EventKeys.campaignID, reader)
        let templateID = number(EventKeys.templateID, reader)
        if let namespace, case .column? = id { warn(of: namespace, reader) }
        guard let name else { return nil }
        var settings = EventSettings(key: [], name: name, namespace: namespace?.value ?? sync)
        settings.names = names
        settings.id = id ?? .derived
        settings.createdAt = createdAt
        settings.campaignID = campaignID
        settings.templateID = templateID
        return settings
    }

    private static func name(_ reader: SectionReader) -> EventSettings.Name? {
        guard let section = reader.section(EventKeys.name, as: EventNameKeys.section) else {
            return reader.text(EventKeys.name).map { .column($0.value) }
        }
        guard section.has(EventNameKeys.value) else {
            return section.text(EventNameKeys.column).map { .column($0.value) }
        }
        return line(EventNameKeys.value, section).map { .constant($0.value) }
    }

    private static func names(_ reader: SectionReader, _ name: EventSettings.Name?) -> [String]? {
        let names = reader.texts(EventKeys.names)
        guard case .constant(let constant)? = name, let names else { return names }
        if !names.contains(constant) {
            reader.report(
                at: EventKeys.names, "\(reader.path(of: "names")) leaves out the name that all events have",
                hint: "Add \"\(constant)\" to the names, or take them out.")
        }
        // Every row passes.
        return nil
    }

    private static func id(_ reader: SectionReader) -> EventSettings.ID? {
        if let section = reader.section(EventKeys.id, as: EventIDKeys.section) {
            return section.text(EventIDKeys.column).map { .column($0.value) }
        }
        return reader.text(EventKeys.id).map { $0.value == EventKeys.derived ? .derived : .column($0.value) }
    }

    private static func namespace(_ reader: SectionReader) -> Located<String>? {
        guard let namespace = line(EventKeys.namespace, reader) else { return nil }
        guard namespace.value.unicodeScalars.count <= EventKeys.longestNamespace else {
            reader.reportWrong(
                EventKeys.namespace, namespace, "is longer than \(EventKeys.longestNamespace) characters")
            return nil
        }
        return namespace
    }

    private static func warn(of namespace: Located<String>, _ reader: SectionReader) {
        reader.context.warn(
            at: namespace.position, path: namespace.path, "\(namespace.path) has no effect beside an id from a column",
            hint: "It is a part of derived ids.")
    }

    private static func time(_ reader: SectionReader) -> EventSettings.Time? {
        guard let section = reader.section(EventKeys.createdAt, as: EventTimeKeys.section) else {
            return reader.text(EventKeys.createdAt).map { EventSettings.Time(column: $0.value) }
        }
        let unit = section.choice(
            EventTimeKeys.unit, of: EventSettings.TimeUnit.self, guesses: false, meant: unitMeant)
        return section.text(EventTimeKeys.column).map { EventSettings.Time(column: $0.value, unit: unit?.value) }
    }

    private static func unitMeant(_ text: String) -> String? {
        switch text.lowercased() {
        case "second", "seconds", "sec", "secs": EventSettings.TimeUnit.seconds.rawValue
        case "millisecond", "milliseconds", "msec", "millis": EventSettings.TimeUnit.milliseconds.rawValue
        default: nil
        }
    }

    private static func number(_ key: ConfigurationKey, _ reader: SectionReader) -> EventSettings.Number? {
        guard let section = reader.section(key, as: EventNumberKeys.section) else {
            return column(key, reader).map { EventSettings.Number(column: $0) }
        }
        let fallback = section.integer(EventNumberKeys.fallback)
        guard section.has(EventNumberKeys.value) else {
            let column = section.text(EventNumberKeys.column)
            return column.map { EventSettings.Number(column: $0.value, fallback: fallback) }
        }
        if section.has(EventNumberKeys.fallback) {
            section.report(
                at: EventNumberKeys.fallback, "\(section.path(of: "default")) has no effect beside value",
                hint: "Take it out.")
        }
        return section.integer(EventNumberKeys.value).map { EventSettings.Number(column: nil, fallback: $0) }
    }

    /// A word is a column; a number is none.
    private static func column(_ key: ConfigurationKey, _ reader: SectionReader) -> String? {
        guard let (word, isQuoted) = reader.freeText(key) else { return nil }
        guard !isQuoted, word.value.wholeMatch(of: /[0-9]+/) != nil else { return reader.text(key)?.value }
        reader.reportWrong(
            key, word, "is a number, where a column is expected",
            suggestion: word.value == word.original ? "{ value: \(word.value) }" : nil)
        return nil
    }

    /// A text without line breaks and control characters.
    private static func line(_ key: ConfigurationKey, _ reader: SectionReader) -> Located<String>? {
        guard let text = reader.text(key) else { return nil }
        if text.value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            reader.reportWrong(key, text, "contains a line break or a control character")
            return nil
        }
        return text
    }
}
