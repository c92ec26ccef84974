/// How names and the user's own SQL are put into statements.
enum SQLiteQueryText {
    /// The one place where a name becomes SQL.
    ///
    /// Goes by Unicode scalars, as SQLite does by bytes: a quote with a combining mark after it is one `Character` for
    /// Swift, and no quote to a search for `"`, but ends the name in SQL all the same.
    static func quoted(_ name: String) -> String {
        var quoted = "\""
        for scalar in name.unicodeScalars {
            if scalar == "\"" { quoted.unicodeScalars.append("\"") }
            quoted.unicodeScalars.append(scalar)
        }
        quoted.unicodeScalars.append("\"")
        return quoted
    }

    /// The single statement that `query` is, without the semicolon at its end; nil where there is more than one.
    /// Looks no deeper than it must to tell a semicolon in a text, name or comment from one that ends a statement.
    static func single(_ query: String) -> String? {
        let bytes = Array(query.utf8)
        guard let end = firstSemicolon(bytes, from: 0) else { return query }
        var rest = end
        while rest < bytes.count {
            let next = skip(bytes, from: rest)
            let isBlank = bytes[rest] == UInt8(ascii: ";") || isSpace(bytes[rest])
            let isComment = next > rest + 1 && (bytes[rest] == UInt8(ascii: "-") || bytes[rest] == UInt8(ascii: "/"))
            guard isBlank || isComment else { return nil }
            rest = next
        }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// The words of a query or a name, in lower case, however they are quoted. Words inside of texts and comments are among them.
    static func words(_ text: String) -> Set<String> {
        let words = text.lowercased().split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "$") }
        return Set(words.map(String.init))
    }

    private static func firstSemicolon(_ bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: ";") { return index }
            index = skip(bytes, from: index)
        }
        return nil
    }

    /// Index after the text, name, comment or character that begins here.
    private static func skip(_ bytes: [UInt8], from index: Int) -> Int {
        switch bytes[index] {
        case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"):
            // A doubled quote ends one text and begins the next, which comes to the same.
            return after(bytes[index], in: bytes, from: index + 1)
        case UInt8(ascii: "["):
            return after(UInt8(ascii: "]"), in: bytes, from: index + 1)
        case UInt8(ascii: "-") where bytes[(index + 1)...].first == UInt8(ascii: "-"):
            return after(UInt8(ascii: "\n"), in: bytes, from: index + 2)
        case UInt8(ascii: "/") where bytes[(index + 1)...].first == UInt8(ascii: "*"):
            var end = index + 2
            while end + 1 < bytes.count {
                if bytes[end] == UInt8(ascii: "*"), bytes[end + 1] == UInt8(ascii: "/") { return end + 2 }
                end += 1
            }
            return bytes.count
        default:
            return index + 1
        }
    }

    private static func after(_ end: UInt8, in bytes: [UInt8], from start: Int) -> Int {
        bytes[start...].firstIndex(of: end).map { $0 + 1 } ?? bytes.count
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
}
