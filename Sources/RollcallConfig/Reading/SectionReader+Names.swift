internal import RollcallCore

/// Reads what refers to something else.
extension SectionReader {
    /// The name behind a key, where something of that name exists; nil otherwise, which is reported unless the key is missing.
    func reference(_ key: ConfigurationKey, to names: [String], what: String) -> String? {
        guard let name = text(key) else { return nil }
        if names.contains(name.value) { return name.value }
        let suggestion =
            name.value == name.original ? Suggestion.nearest(to: name.value, among: names).map(TextLayout.quoted) : nil
        let known = names.prefix(20).joined(separator: ", ")
        context.report(
            at: name.position, path: name.path,
            "there is no \(what) \(TextLayout.quoted(name.original)) (\(name.path))",
            expected: names.isEmpty ? "a \(what) defined under \(what)s" : "one of \(known)", suggestion: suggestion)
        return nil
    }

    /// The name of a warehouse that is written to; nil where there is none of that name, or it is only read, which are both reported.
    /// - Parameters:
    ///   - states: of each warehouse that is only read, the one in which the state of its syncs lives.
    ///   - hint: what to write, with the name of that one.
    func writableWarehouse(
        _ key: ConfigurationKey, among names: [String], states: [String: String], hint: (_ state: String) -> String
    ) -> String? {
        guard let name = reference(key, to: names, what: "warehouse") else { return nil }
        guard let state = states[name] else { return name }
        report(
            at: key, "\(path(of: key.name)) is \(name), which is only read: the state of its syncs lives in \(state)",
            expected: "a warehouse without state", hint: hint(state))
        return nil
    }

    /// A list of addresses and ranges of addresses; those that are wrong are reported and left out.
    /// - Parameter refusesAll: whether a range of all addresses is wrong.
    func addressRanges(_ key: ConfigurationKey, refusesAll: Bool = false) -> [AddressRange] {
        (locatedTexts(key) ?? []).compactMap { text in
            guard let range = AddressRange(text.value) else {
                reportWrong(
                    key, text, "is no address and no range of addresses",
                    expected: "an address such as 203.0.113.7 or 2001:db8::7, or a range such as 10.0.0.0/8")
                return nil
            }
            guard !refusesAll || !text.value.hasSuffix("/0") else {
                reportWrong(
                    key, text, "is every address there is", expected: "the addresses of your proxies",
                    hint: "Whoever is trusted may claim to be any client.")
                return nil
            }
            return range
        }
    }
}
