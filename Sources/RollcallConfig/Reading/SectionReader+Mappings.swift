internal import RollcallCore
internal import Yams

/// Reads what stands below a key.
extension SectionReader {
    struct Named {
        var name: String
        var reader: SectionReader
    }

    /// The mapping behind a key; nil when it is left out, empty or no mapping. Only the last is an error, and an empty
    /// one when the key is required.
    /// - Parameter isRequired: whether it is; nil: as the key says.
    func section(_ key: ConfigurationKey, hint: String? = nil, isRequired: Bool? = nil) -> SectionReader? {
        guard let entry = entries[key.name], case .section(let section) = key.kind else { return nil }
        if entry.node.isNull {
            if isRequired ?? key.isRequired {
                report(at: key, "\(path(of: key.name)) is empty", expected: key.kind.words, hint: hint)
            }
            return nil
        }
        return SectionReader(
            entry.node, section: section, path: path(of: key.name), position: entry.position, context: context,
            hint: hint)
    }

    /// The settings behind a key by their names, in the order of the file, names that are allowed only.
    /// - Parameter isRequired: whether there must be any; nil: as the key says.
    func named(_ key: ConfigurationKey, what: String, isRequired: Bool? = nil) -> [Named] {
        guard let entry = entries[key.name], case .named(let section) = key.kind else { return [] }
        let isRequired = isRequired ?? key.isRequired
        let keyPath = path(of: key.name)
        guard !entry.node.isNull else {
            if isRequired { report(at: key, "\(keyPath) is empty", expected: "at least one \(what)") }
            return []
        }
        guard let pairs = MappingPairs.read(entry.node, path: keyPath, context: context) else {
            context.report(
                at: context.document.position(of: entry.node), path: keyPath,
                "\(keyPath) is \(entry.node.kindWords), not a mapping", expected: key.kind.words,
                hint: "Write each \(what) as \"name:\" with its settings indented below.")
            return []
        }
        if pairs.isEmpty, isRequired { report(at: key, "\(keyPath) is empty", expected: "at least one \(what)") }
        var found: [Named] = []
        for pair in pairs {
            if context.problems.isFull { break }
            let pairPath = "\(keyPath).\(pair.key)"
            guard Self.isName(pair.key) else {
                context.report(
                    at: pair.position, path: pairPath, "\(TextLayout.quoted(pair.key)) cannot be the name of a \(what)",
                    expected: "1 to 100 letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit")
                continue
            }
            let reader = SectionReader(
                pair.value, section: section, path: pairPath, position: pair.position, context: context)
            if let reader { found.append(Named(name: pair.key, reader: reader)) }
        }
        return found
    }

    /// Whether the key is there without a value.
    func isEmpty(_ key: ConfigurationKey) -> Bool { entries[key.name]?.node.isNull ?? false }

    /// All names behind a key, for references, whether or not what stands behind them can be used.
    func names(_ key: ConfigurationKey) -> [String] {
        guard let entry = entries[key.name] else { return [] }
        return MappingPairs.read(entry.node, path: path(of: key.name), context: context)?.map(\.key) ?? []
    }

    /// The items of a list of mappings.
    func list(_ key: ConfigurationKey) -> [SectionReader] {
        guard let entry = entries[key.name], case .list(let section) = key.kind, !entry.node.isNull else { return [] }
        let keyPath = path(of: key.name)
        guard case .sequence(let items) = entry.node else {
            context.report(
                at: context.document.position(of: entry.node), path: keyPath,
                "\(keyPath) is \(entry.node.kindWords), not a list", expected: key.kind.words)
            return []
        }
        var readers: [SectionReader] = []
        for (index, item) in items.enumerated() {
            if context.problems.isFull { break }
            let reader = SectionReader(
                item, section: section, path: "\(keyPath)[\(index)]", position: context.document.position(of: item),
                context: context)
            if let reader { readers.append(reader) }
        }
        return readers
    }

    static func isName(_ text: String) -> Bool {
        guard text.utf8.count <= 100, let first = text.utf8.first, ASCII.isLetterOrDigit(first) else { return false }
        return text.utf8.allSatisfy { ASCII.isLetterOrDigit($0) || "._-".utf8.contains($0) }
    }
}
