internal import Yams

/// Reads one mapping with fixed keys; whatever is wrong with the keys themselves is reported when it is made.
struct SectionReader {
    struct Entry {
        var position: Position
        var node: Node
    }

    let section: ConfigurationSection
    /// Dotted path of the mapping; empty for the file itself.
    let path: String
    /// Of the key that the mapping stands behind.
    let position: Position
    let context: ReadingContext
    private(set) var entries: [String: Entry] = [:]
    /// Keys that were probably meant by unknown ones; that they are missing is not reported on top.
    private var misspelt: Set<String> = []

    /// Nil when the node is no mapping, which is reported.
    init?(
        _ node: Node, section: ConfigurationSection, path: String, position: Position, context: ReadingContext,
        hint: String? = nil
    ) {
        self.section = section
        self.path = path
        self.position = position
        self.context = context
        guard let pairs = MappingPairs.read(node, path: path, context: context) else {
            let subject = path.isEmpty ? "the file" : path
            context.report(
                at: context.document.position(of: node), path: path,
                "\(subject) is \(node.kindWords), not a mapping", expected: ValueKind.section(section).words, hint: hint
            )
            return nil
        }
        let known = Set(section.keys.map(\.name))
        for pair in pairs {
            guard known.contains(pair.key) else {
                if let meant = reportUnknown(pair.key, at: pair.position) { misspelt.insert(meant) }
                continue
            }
            entries[pair.key] = Entry(position: pair.position, node: pair.value)
        }
        checkPresence()
    }

    /// Whether the key is there, with a value or without.
    func has(_ key: ConfigurationKey) -> Bool { entries[key.name] != nil }

    /// Whether the key is there, or an unknown one was probably meant to be it.
    func isMeant(_ key: ConfigurationKey) -> Bool { has(key) || misspelt.contains(key.name) }

    func path(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// Where the key stands; the mapping's own key when it is missing.
    func position(of key: ConfigurationKey) -> Position { entries[key.name]?.position ?? position }

    func report(
        at key: ConfigurationKey, _ message: String, expected: String? = nil, suggestion: String? = nil,
        hint: String? = nil
    ) {
        context.report(
            at: position(of: key), path: path(of: key.name), message, expected: expected, suggestion: suggestion,
            hint: hint)
    }

    /// Whether the key is there; that it is missing is reported.
    /// - Parameter expected: what to write; nil: the key and its kind.
    @discardableResult
    func require(_ key: ConfigurationKey, _ expected: String? = nil) -> Bool {
        if has(key) { return true }
        if !misspelt.contains(key.name) {
            context.report(
                at: position, path: path(of: key.name), "the key \"\(key.name)\" is missing\(whereabouts)",
                expected: expected ?? "\(key.name): \(key.kind.words)")
        }
        return false
    }

    /// Reports the keys that only sections with another value of the selector have.
    /// - Parameters:
    ///   - what: `warehouse` or `sync`.
    ///   - hints: what to do about a key, by its name; of the others: to take it out.
    func refuseKeys(beyond variant: String, what: String, hints: [String: String] = [:]) {
        guard let selector = section.selector else { return }
        for key in section.keys where has(key) && !key.variants.isEmpty && !key.variants.contains(variant) {
            let only = TextLayout.alternatives(key.variants)
            report(
                at: key, "\(path(of: key.name)) is a key of \(only) \(what)s; this one is \(variant)",
                hint: hints[key.name] ?? "Take it out, or set \(selector.key): \(only).")
        }
    }

    private func checkPresence() {
        for key in section.keys where key.isRequired && key.variants.isEmpty { _ = require(key) }
        let words = section.exactlyOneOf
        let given = words.compactMap { name in entries[name].map { (name: name, position: $0.position) } }
            .sorted { $0.position < $1.position }
        guard section.selector == nil, !words.isEmpty, given.count != 1 else { return }
        let alternatives = TextLayout.alternatives(words)
        guard given.count > 1 else {
            if !misspelt.isDisjoint(with: words) { return }
            context.report(at: position, path: path, "\(path) needs exactly one of \(alternatives)")
            return
        }
        let names = TextLayout.alternatives(given.map(\.name), joint: "and")
        context.report(
            at: given[1].position, path: path, "\(path) gives \(names); exactly one of \(alternatives) is allowed",
            hint: "Keep one of them.")
    }

    private var whereabouts: String { path.isEmpty ? "" : " in \(path)" }

    /// Returns the key that was probably meant.
    private func reportUnknown(_ name: String, at position: Position) -> String? {
        context.problems.hideValue(at: position)
        let nearest = Suggestion.nearest(to: name, among: section.keys.map(\.name))
        context.report(
            at: position, path: path(of: name), "unknown key \(TextLayout.quoted(name))\(whereabouts)",
            expected: nearest == nil ? "one of \(section.keys.map(\.name).joined(separator: ", "))" : nil,
            suggestion: nearest.map(TextLayout.quoted), hint: nearest == nil ? elsewhereHint(name) : nil)
        return nearest
    }

    /// Tells where a key belongs that was put at the wrong depth.
    private func elsewhereHint(_ name: String) -> String? {
        if name == "cron" { return "A schedule is given by \"every\" and \"at\"; there are no cron expressions." }
        let places = section.keys.filter { key in
            if case .section(let nested) = key.kind { nested.key(named: name) != nil } else { false }
        }
        if places.isEmpty { return nil }
        return "\"\(name)\" belongs under \(TextLayout.alternatives(places.map { "\"\($0.name)\"" }))."
    }
}

/// The pairs of a mapping, with `<<` merged in.
enum MappingPairs {
    struct Entry {
        var key: String
        var position: Position
        var value: Node
    }

    /// In the order of the file; nil when the node is no mapping. Keys that are no text, and merges that are no
    /// mappings, are reported.
    static func read(_ node: Node, path: String, context: ReadingContext) -> [Entry]? {
        guard case .mapping(let mapping) = node else { return nil }
        var own: [Entry] = []
        var merged: [Entry] = []
        for (key, value) in mapping {
            let position = context.document.position(of: key)
            if context.document.isDuplicate(position) { continue }
            guard case .scalar(let scalar) = key else {
                context.report(at: position, path: path, "a key must be text, not \(key.kindWords)")
                continue
            }
            if scalar.string == "<<", scalar.style == .plain {
                merged += merge(value, at: position, path: path, context: context)
            } else {
                own.append(Entry(key: scalar.string, position: position, value: value))
            }
        }
        var names = Set(own.map(\.key))
        return own + merged.filter { names.insert($0.key).inserted }
    }

    /// What `<<` brings in: the pairs of a mapping, or of several, the earlier ones winning.
    /// Source: yaml.org/type/merge.html.
    private static func merge(
        _ node: Node, at position: Position, path: String, context: ReadingContext
    ) -> [Entry] {
        let nodes: [Node] =
            switch node {
            case .sequence(let sequence): Array(sequence)
            default: [node]
            }
        var entries: [Entry] = []
        for node in nodes {
            guard case .mapping(let mapping) = node else {
                context.report(
                    at: position, path: path, "\"<<\" merges mappings; this is \(node.kindWords)",
                    hint: "Write \"<<: *anchor\", where the anchor names a mapping.")
                continue
            }
            for (key, value) in mapping {
                guard case .scalar(let scalar) = key, scalar.string != "<<" else { continue }
                let place = context.document.position(of: key)
                if context.document.isDuplicate(place) { continue }
                entries.append(Entry(key: scalar.string, position: place, value: value))
            }
        }
        return entries
    }
}

extension Node {
    /// What a node is, for messages.
    var kindWords: String {
        switch self {
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        case .scalar(let scalar) where scalar.isNull: "empty"
        case .scalar: "a single value"
        }
    }

    /// Nothing, or `null`, written without quotes.
    var isNull: Bool {
        if case .scalar(let scalar) = self { scalar.isNull } else { false }
    }
}

extension Node.Scalar {
    /// Written in quotes, as a block, or marked `!!str`: text for sure.
    var isCertainlyText: Bool { style != .plain || tag.rawValue == Tag.Name.str.rawValue }

    var isNull: Bool { !isCertainlyText && ["", "~", "null", "Null", "NULL"].contains(string) }
}
