/// The name of a table as in SQL: parts with dots between them, double quotes around what is no plain word.
///
/// It is read by Unicode scalars, as databases do: to Swift, a quote or dot with a combining mark after it is another
/// character.
enum TableName {
    struct Refusal: Error, Equatable {
        var reason: String
        var hint: String?
    }

    private typealias Scalars = Substring.UnicodeScalarView

    /// The parts, outermost first, unquoted. `foldsCase`: letters outside quotes become lower case, as in Postgres.
    static func parse(_ text: String, foldsCase: Bool) throws(Refusal) -> [String] {
        guard !text.utf8.contains(0) else { throw Refusal(reason: "contains a NUL character") }
        var parts: [String] = []
        var rest = text[...].trimmingBlanks().unicodeScalars
        while true {
            let part = try rest.first == "\"" ? quotedPart(&rest) : plainPart(&rest, whole: text)
            parts.append(foldsCase && !part.isQuoted ? lowered(part.text) : part.text)
            guard let separator = rest.popFirst() else { break }
            guard separator == "." else {
                throw Refusal(
                    reason: "goes on behind a closing quote", hint: "A double quote inside a name is written twice.")
            }
        }
        guard parts.count <= 2 else {
            throw Refusal(
                reason: "has \(parts.count) parts",
                hint: "Leave out the database: its connection is the warehouse's. A dot that belongs to a name needs "
                    + "double quotes around the name.")
        }
        return parts
    }

    private static func quotedPart(_ rest: inout Scalars) throws(Refusal) -> (text: String, isQuoted: Bool) {
        var part = String.UnicodeScalarView()
        rest.removeFirst()
        while let scalar = rest.popFirst() {
            guard scalar == "\"" else {
                part.append(scalar)
                continue
            }
            guard rest.first == "\"" else {
                if part.isEmpty { throw Refusal(reason: "has an empty name in it") }
                return (String(part), true)
            }
            part.append("\"")
            rest.removeFirst()
        }
        throw Refusal(
            reason: "has a double quote that is not closed",
            hint: "In YAML put the whole name into single quotes: '\"vip customers\"'.")
    }

    private static func plainPart(
        _ rest: inout Scalars, whole: String
    ) throws(Refusal) -> (text: String, isQuoted: Bool) {
        let part = rest.prefix { $0 != "." && $0 != "\"" }
        rest = rest[part.endIndex...]
        guard !part.isEmpty || rest.first == "\"" else { throw Refusal(reason: "has an empty name in it") }
        guard rest.first != "\"", isPlain(part) else {
            throw Refusal(reason: "is no plain SQL name", hint: quotingHint(whole))
        }
        return (String(part), false)
    }

    /// Letters (marks too, but not at the start), digits, `_` and `$`; a letter or `_` first.
    private static func isPlain(_ part: Scalars) -> Bool {
        guard let first = part.first, first == "_" || isLetter(first) else { return false }
        return part.allSatisfy { scalar in
            if scalar == "_" || scalar == "$" || isLetter(scalar) { return true }
            switch scalar.properties.generalCategory {
            case .decimalNumber, .letterNumber, .otherNumber, .nonspacingMark, .spacingMark, .enclosingMark: return true
            default: return false
            }
        }
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    private static func quotingHint(_ text: String) -> String {
        let quoted = text.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false).map { part in
            "\"\(doubled("\"", in: part))\""
        }
        let name = doubled("'", in: quoted.joined(separator: ".").unicodeScalars[...])
        return "Names other than letters, digits, _ and $ need double quotes as in SQL: table: '\(name)'"
    }

    private static func doubled(_ quote: Unicode.Scalar, in text: Scalars) -> String {
        String(String.UnicodeScalarView(text.flatMap { $0 == quote ? [quote, quote] : [$0] }))
    }

    /// Only ASCII letters, as Postgres does it in databases of multi-byte encodings.
    private static func lowered(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
