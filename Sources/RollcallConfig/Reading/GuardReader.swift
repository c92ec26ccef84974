internal import RollcallCore

/// Reads `guards`.
enum GuardReader {
    /// What holds where the file says nothing.
    static func defaults(_ kind: RecordKind) -> GuardSettings {
        var guards = GuardSettings()
        switch kind {
        case .list, .catalog: break
        case .users:
            guards.maxInvalid = 20
            guards.maxChanges = 50
            guards.maxIdentityChanges = 1
        case .events:
            guards.maxInvalid = 20
            guards.maxEvents = 100_000
            guards.maxAgeSeconds = 7 * 86_400
            // A run may find nothing to send, without anything being wrong.
            guards.allowEmpty = true
        }
        return guards
    }

    static func read(_ reader: SectionReader, _ kind: RecordKind) -> GuardSettings {
        var guards = defaults(kind)
        if let limit = removalLimit(reader) { guards.maxRemovals = limit }
        if let allowEmpty = reader.boolean(GuardKeys.allowEmpty) { guards.allowEmpty = allowEmpty }
        if let percent = share(GuardKeys.maxInvalid, reader) { guards.maxInvalid = percent }
        if let percent = share(GuardKeys.maxChanges, reader) { guards.maxChanges = percent }
        if let percent = share(GuardKeys.maxIdentityChanges, reader) { guards.maxIdentityChanges = percent }
        readEvents(reader, &guards)
        refuseOthers(reader, kind)
        return guards
    }

    /// Reports the guards that syncs of other kinds have.
    private static func refuseOthers(_ reader: SectionReader, _ kind: RecordKind) {
        let own = GuardKeys.section(of: kind)
        for key in reader.section.keys where reader.has(key) && own.key(named: key.name) == nil {
            let isEmptiness = kind == .events && key.name == GuardKeys.allowEmpty.name
            reader.report(
                at: key, "\(reader.path(of: key.name)) is no guard of \(kind.rawValue) syncs",
                hint: isEmptiness ? "A run that finds no event succeeds anyway. Take it out." : "Take it out.")
        }
    }

    private static func readEvents(_ reader: SectionReader, _ guards: inout GuardSettings) {
        if isOff(GuardKeys.maxEvents, reader) {
            guards.maxEvents = nil
        } else if let count = count(GuardKeys.maxEvents, reader) {
            guards.maxEvents = count
        }
        if isOff(GuardKeys.maxAge, reader) {
            guards.maxAgeSeconds = nil
        } else if let seconds = age(GuardKeys.maxAge, reader) {
            guards.maxAgeSeconds = seconds
        }
    }

    private static func isOff(_ key: ConfigurationKey, _ reader: SectionReader) -> Bool {
        reader.freeText(key)?.value.value == GuardKeys.off
    }

    private static func count(_ key: ConfigurationKey, _ reader: SectionReader) -> Int? {
        guard let (text, isQuoted) = reader.freeText(key) else { return nil }
        guard !isQuoted, text.value.wholeMatch(of: /[0-9]+/) != nil else {
            let meant = offMeant(by: text.value) ?? SectionReader.integerMeant(by: text.value)
            reader.reportWrong(
                key, text, "is neither a count nor off", suggestion: text.value == text.original ? meant : nil,
                expected: "a count such as 100000, or off")
            return nil
        }
        guard let count = Int(text.value) else {
            reader.reportWrong(key, text, "is out of range")
            return nil
        }
        return count
    }

    private static func age(_ key: ConfigurationKey, _ reader: SectionReader) -> Int? {
        guard let (text, _) = reader.freeText(key) else { return nil }
        return reader.span(
            text, key, wrong: "is neither a span of time nor off", suggestion: offMeant(by: text.value),
            expected: "a span such as 7d, or off")
    }

    private static func offMeant(by text: String) -> String? {
        ["off", "false", "no", "none", "never", "unlimited"].contains(text.lowercased()) ? GuardKeys.off : nil
    }

    private static func removalLimit(_ reader: SectionReader) -> GuardSettings.RemovalLimit? {
        let key = GuardKeys.maxRemovals
        guard let (text, isQuoted) = reader.freeText(key) else { return nil }
        if let percent = percentage(text.value) {
            guard percent <= 100 else {
                reader.reportWrong(key, text, "is out of range", expected: "a percentage from 0% to 100%")
                return nil
            }
            return .percent(percent)
        }
        if !isQuoted, text.value.wholeMatch(of: /[0-9]+/) != nil {
            guard let count = Int(text.value) else {
                reader.reportWrong(key, text, "is out of range")
                return nil
            }
            return .count(count)
        }
        let isLiteral = text.value == text.original
        reader.reportWrong(
            key, text, "is neither a percentage nor a count", suggestion: isLiteral ? meant(by: text.value) : nil)
        return nil
    }

    private static func percentage(_ text: String) -> Double? {
        text.wholeMatch(of: /([0-9]+(?:\.[0-9]+)?)%/).flatMap { Double($0.output.1) }
    }

    private static func share(_ key: ConfigurationKey, _ reader: SectionReader) -> Double? {
        guard let (text, _) = reader.freeText(key) else { return nil }
        guard let percent = percentage(text.value), percent <= 100 else {
            reader.reportWrong(
                key, text, "is no percentage",
                suggestion: text.value == text.original ? shareMeant(by: text.value) : nil,
                expected: "a percentage from 0% to 100%")
            return nil
        }
        return percent
    }

    private static func meant(by text: String) -> String? {
        let plain = text.lowercased().filter { $0 != " " && $0 != "_" }.replacing("percent", with: "%")
        if plain.wholeMatch(of: /[0-9]+(\.[0-9]+)?%?/) == nil { return nil }
        if let share = Double(plain), share > 0, share < 1 {
            let percent = (share * 10_000).rounded() / 100
            return percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
        }
        return plain == text && !plain.allSatisfy(\.isNumber) ? nil : plain
    }

    /// As ``meant(by:)`` where only shares are taken: a number of 1 or more lacks its sign.
    private static func shareMeant(by text: String) -> String? {
        let number = meant(by: text) ?? text
        let share = number.hasSuffix("%") ? number : "\(number)%"
        guard share != text, let percent = percentage(share), percent <= 100 else { return nil }
        return share
    }
}
