/// The name of a table as in SQL: parts with dots between them, double quotes around what is no plain word.
enum TableName {
    struct Refusal: Error, Equatable {
        var reason: String
        var hint: String?
    }

    /// The parts, outermost first, unquoted. `foldsCase`: letters outside quotes become lower case, as in Postgres.
    static func parse(_ text: String, foldsCase: Bool) throws(Refusal) -> [String] {
        guard !text.contains("\0") else { throw Refusal(reason: "contains a NUL character") }
        var parts: [String] = []
        var rest = text[...].trimmingBlanks()
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

    private static func quotedPart(_ rest: inout Substring) throws(Refusal) -> (text: String, isQuoted: Bool) {
        var part = ""
        rest.removeFirst()
        while let character = rest.popFirst() {
            guard character == "\"" else {
                part.append(character)
                continue
            }
            guard rest.first == "\"" else {
                if part.isEmpty { throw Refusal(reason: "has an empty name in it") }
                return (part, true)
            }
            part.append("\"")
            rest.removeFirst()
        }
        throw Refusal(
            reason: "has a double quote that is not closed",
            hint: "In YAML put the whole name into single quotes: '\"vip customers\"'.")
    }

    private static func plainPart(
        _ rest: inout Substring, whole: String
    ) throws(Refusal) -> (text: String, isQuoted: Bool) {
        let part = rest.prefix { $0 != "." && $0 != "\"" }
        rest = rest[part.endIndex...]
        guard !part.isEmpty || rest.first == "\"" else { throw Refusal(reason: "has an empty name in it") }
        guard rest.first != "\"", part.wholeMatch(of: /[\p{L}_][\p{L}\p{M}\p{N}_$]*/) != nil else {
            throw Refusal(reason: "is no plain SQL name", hint: quotingHint(whole))
        }
        return (String(part), false)
    }

    private static func quotingHint(_ text: String) -> String {
        let quoted = text.split(separator: ".", omittingEmptySubsequences: false).map { part in
            "\"\(part.replacing("\"", with: "\"\""))\""
        }
        let name = quoted.joined(separator: ".").replacing("'", with: "''")
        return "Names other than letters, digits, _ and $ need double quotes as in SQL: table: '\(name)'"
    }

    /// Only ASCII letters, as Postgres does it in databases of multi-byte encodings.
    private static func lowered(_ text: String) -> String {
        String(text.map { $0.isASCII ? Character($0.lowercased()) : $0 })
    }
}
