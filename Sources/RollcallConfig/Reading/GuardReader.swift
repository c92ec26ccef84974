internal import RollcallCore

/// Reads `guards`.
enum GuardReader {
    /// What holds where the file says nothing.
    static func defaults(_ kind: RecordKind) -> GuardSettings {
        var guards = GuardSettings()
        guard kind == .users else { return guards }
        guards.maxInvalid = 20
        guards.maxChanges = 50
        guards.maxIdentityChanges = 1
        return guards
    }

    static func read(_ reader: SectionReader, _ kind: RecordKind) -> GuardSettings {
        var guards = defaults(kind)
        if let limit = removalLimit(reader) { guards.maxRemovals = limit }
        if let allowEmpty = reader.boolean(GuardKeys.allowEmpty) { guards.allowEmpty = allowEmpty }
        if let percent = share(GuardKeys.maxInvalid, reader) { guards.maxInvalid = percent }
        if let percent = share(GuardKeys.maxChanges, reader) { guards.maxChanges = percent }
        if let percent = share(GuardKeys.maxIdentityChanges, reader) { guards.maxIdentityChanges = percent }
        if kind == .list { refuse(GuardKeys.maxInvalid, reader, kind) }
        if kind != .users {
            refuse(GuardKeys.maxChanges, reader, kind)
            refuse(GuardKeys.maxIdentityChanges, reader, kind)
        }
        return guards
    }

    private static func refuse(_ key: ConfigurationKey, _ reader: SectionReader, _ kind: RecordKind) {
        guard reader.has(key) else { return }
        reader.report(
            at: key, "\(reader.path(of: key.name)) is no guard of \(kind.rawValue) syncs", hint: "Take it out.")
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
