/// A place in a file: line and column from 1, columns counted in Unicode scalars.
struct Position: Hashable, Comparable, Sendable {
    var line: Int
    var column: Int

    static func < (left: Position, right: Position) -> Bool { (left.line, left.column) < (right.line, right.column) }
}

/// The text of a configuration by lines, as YAML counts them.
struct SourceText {
    let text: String
    let lines: [String]

    init(_ text: String) {
        self.text = text
        lines = Self.split(text)
    }

    /// Splits at LF, CR LF, CR, and at YAML 1.1's NEL, LS and PS, as libyaml does.
    private static func split(_ text: String) -> [String] {
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var afterReturn = false
        for scalar in text.unicodeScalars {
            defer { afterReturn = scalar == "\r" }
            switch scalar {
            case "\n" where afterReturn:
                continue
            case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}":
                lines.append(String(line))
                line = String.UnicodeScalarView()
            default:
                line.append(scalar)
            }
        }
        lines.append(String(line))
        return lines
    }

    /// Where `part` stands at or after a place, no further than the scalar there can reach; the place itself if the
    /// part is not found, for instance because it was written with escapes.
    func position(of part: String, from start: Position) -> Position {
        guard start.line >= 1, start.line <= lines.count, !part.isEmpty else { return start }
        for number in start.line...min(lines.count, start.line + 200) {
            let scalars = Array(lines[number - 1].unicodeScalars)
            let first = number == start.line ? max(start.column - 1, 0) : 0
            if let offset = Self.offset(of: Array(part.unicodeScalars), in: scalars, from: first) {
                return Position(line: number, column: offset + 1)
            }
        }
        return start
    }

    private static func offset(of part: [Unicode.Scalar], in scalars: [Unicode.Scalar], from first: Int) -> Int? {
        guard first + part.count <= scalars.count else { return nil }
        return (first...(scalars.count - part.count)).first { scalars[$0..<($0 + part.count)].elementsEqual(part) }
    }

    /// The first control character that YAML does not allow, if any. Source: YAML 1.1, section 5.1.
    func firstForbiddenCharacter() -> (position: Position, scalar: Unicode.Scalar)? {
        for (index, line) in lines.enumerated() {
            for (offset, scalar) in line.unicodeScalars.enumerated() where Self.isForbidden(scalar) {
                return (Position(line: index + 1, column: offset + 1), scalar)
            }
        }
        return nil
    }

    private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09: false
        case 0...0x1F, 0x7F...0x84, 0x86...0x9F, 0xFEFF, 0xFFFE, 0xFFFF: true
        default: false
        }
    }
}
