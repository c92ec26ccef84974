internal import Yams

/// A parsed file: the tree of nodes, and which keys stand there twice.
///
/// Yams gives up at the first key that stands twice in a mapping. So that all problems come out in one go, the second
/// one is reported, given another name in the text, and the text is parsed again.
struct YAMLDocument {
    let root: Node
    /// Keys that were renamed because they stand there a second time.
    private let duplicates: Set<Position>
    /// Line of a renamed key, the column behind it, and by how much the rest of that line moved.
    private let shifts: [Int: (column: Int, by: Int)]

    /// A character that keys do not have; from it on, a renamed key is not the user's.
    private static let marker = "\u{E000}"
    /// Keys that are renamed before the file is given up.
    private static let maximumDuplicates = 50

    /// Nil when the text is no YAML or empty; the problems are with the collector then.
    init?(_ source: SourceText, problems: ProblemCollector) {
        var lines = source.lines
        var duplicates: Set<Position> = []
        var shifts: [Int: (column: Int, by: Int)] = [:]
        while true {
            do {
                let text = lines.joined(separator: "\n")
                let parser = try Parser(yaml: text, resolver: .basic, constructor: .default, encoding: .utf8)
                guard let root = try parser.singleRoot() else {
                    problems.report(Self.emptyFile(problems.file))
                    return nil
                }
                self.root = root
                self.duplicates = duplicates
                self.shifts = shifts
                return
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let first = Position(line: context.mark.line, column: context.mark.column)
                let key = keys.first ?? ""
                let second = Self.repetition(of: key, at: first, in: lines)
                problems.report(Self.duplicateKey(key, first: first, second: second, file: problems.file))
                guard let second, duplicates.count < Self.maximumDuplicates, shifts[second.key.line] == nil else {
                    return nil
                }
                let name = Self.marker + String(duplicates.count)
                Self.insert(name, at: second.end, into: &lines)
                duplicates.insert(second.key)
                shifts[second.key.line] = (second.end.column, name.unicodeScalars.count)
            } catch {
                problems.report(SyntaxProblem.describe(error, in: source, file: problems.file))
                return nil
            }
        }
    }

    /// Where a node begins in the user's text.
    func position(of node: Node) -> Position {
        guard let mark = node.mark else { return Position(line: 1, column: 1) }
        var position = Position(line: mark.line, column: mark.column)
        if let shift = shifts[mark.line], position.column > shift.column { position.column -= shift.by }
        return position
    }

    /// Whether a key stands there a second time; that has been reported.
    func isDuplicate(_ position: Position) -> Bool { duplicates.contains(position) }

    static func emptyFile(_ file: String) -> ConfigurationProblem {
        ConfigurationProblem(
            file: file, message: "the file is empty",
            hint: "\"rollcall init\" writes a commented configuration to start from.")
    }

    private static func duplicateKey(
        _ key: String, first: Position, second: (key: Position, end: Position)?, file: String
    ) -> ConfigurationProblem {
        let name = TextLayout.quoted(key)
        guard let second else {
            return ConfigurationProblem(
                file: file, line: first.line, column: first.column, path: key,
                message: "the key \(name) stands here more than once", hint: "Keep one of them.")
        }
        return ConfigurationProblem(
            file: file, line: second.key.line, column: second.key.column, path: key,
            message: "the key \(name) stands here a second time; the first is on line \(first.line)",
            hint: "Keep one of the two.")
    }

    /// The next key of the same name in the same block mapping: keys of one mapping begin in the same column, and
    /// nothing that begins further left can come between them. Nil for mappings in braces.
    private static func repetition(
        of key: String, at first: Position, in lines: [String]
    ) -> (key: Position, end: Position)? {
        guard first.line < lines.count, !key.isEmpty else { return nil }
        for number in (first.line + 1)...lines.count {
            let scalars = lines[number - 1].unicodeScalars
            let indent = scalars.prefix { $0 == " " }.count
            guard let start = scalars.dropFirst(indent).first, start != "#" else { continue }
            if indent < first.column - 1 { return nil }
            guard indent == first.column - 1 else { continue }
            let rest = String(String.UnicodeScalarView(scalars.dropFirst(indent)))
            for quote in ["", "\"", "'"] where rest.hasPrefix(quote + key + quote) {
                let after = rest.dropFirst(quote.count * 2 + key.count).drop { $0 == " " }
                guard after.first == ":" else { continue }
                let end = first.column + quote.count + key.unicodeScalars.count
                return (Position(line: number, column: first.column), Position(line: number, column: end))
            }
        }
        return nil
    }

    private static func insert(_ text: String, at place: Position, into lines: inout [String]) {
        var scalars = Array(lines[place.line - 1].unicodeScalars)
        scalars.insert(contentsOf: text.unicodeScalars, at: min(place.column - 1, scalars.count))
        lines[place.line - 1] = String(String.UnicodeScalarView(scalars))
    }
}
