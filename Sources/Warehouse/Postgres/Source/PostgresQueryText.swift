/// Looks at the text of a user's query, as far as error messages and a semicolon at its end need that.
enum PostgresQueryText {
    /// Whether there is nothing but blanks, semicolons and comments (`-- …`, and `/* … */`, which nest).
    static func isEmpty(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while let first = rest.first {
            if first == UInt8(ascii: ";") || first == UInt8(ascii: " ") || (9...13).contains(first) {
                rest = rest.dropFirst()
            } else if rest.starts(with: "--".utf8) {
                rest = rest.drop { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
            } else if rest.starts(with: "/*".utf8), let end = endOfComment(rest) {
                rest = rest[end...]
            } else {
                return false
            }
        }
        return true
    }

    /// Index behind the block comment that the bytes begin with; nil if it does not end.
    private static func endOfComment(_ bytes: ArraySlice<UInt8>) -> Int? {
        var depth = 0
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index...].starts(with: "/*".utf8) {
                depth += 1
                index += 2
            } else if bytes[index...].starts(with: "*/".utf8) {
                depth -= 1
                index += 2
                if depth == 0 { return index }
            } else {
                index += 1
            }
        }
        return nil
    }

    /// Line and column, from 1, of a position that counts characters from 1; nil where it lies outside of the query.
    static func place(_ position: Int, in query: String) -> (line: Int, column: Int)? {
        let scalars = query.unicodeScalars
        guard position > 0, position <= scalars.count + 1 else { return nil }
        let before = scalars.prefix(position - 1)
        return (before.count { $0 == "\n" } + 1, before.reversed().prefix { $0 != "\n" }.count + 1)
    }

    /// The name that stands at a position, its parts unquoted; empty where something else does, such as a literal.
    static func name(at position: Int, in query: String) -> [String] {
        guard position > 0 else { return [] }
        return names(query.unicodeScalars.dropFirst(position - 1)).parts
    }

    /// All words and quoted names of a query, in lower case where they are not quoted. Words inside of texts and comments
    /// are among them.
    static func allNames(_ query: String) -> Set<String> {
        var found: Set<String> = []
        var rest = query.unicodeScalars[...]
        while let first = rest.first {
            if first == "\"" || isNameStart(first) {
                let (parts, end) = names(rest)
                for part in parts { found.insert(part) }
                rest = parts.isEmpty ? rest.dropFirst() : rest[end...]
            } else {
                rest = rest.dropFirst()
            }
        }
        return found
    }

    private static func names(
        _ scalars: Substring.UnicodeScalarView
    ) -> (parts: [String], end: String.Index) {
        var parts: [String] = []
        var index = scalars.startIndex
        while index < scalars.endIndex {
            if scalars[index] == "\"" {
                guard let (part, end) = quotedName(scalars, after: index) else { break }
                parts.append(part)
                index = end
            } else if isNameStart(scalars[index]) {
                let word = scalars[index...].prefix { isNameStart($0) || ("0"..."9").contains($0) || $0 == "$" }
                parts.append(String(word).lowercased())
                index = word.endIndex
            } else {
                break
            }
            guard index < scalars.endIndex, scalars[index] == "." else { break }
            index = scalars.index(after: index)
        }
        return (parts, index)
    }

    private static func quotedName(
        _ scalars: Substring.UnicodeScalarView, after quote: String.Index
    ) -> (name: String, end: String.Index)? {
        var name = String.UnicodeScalarView()
        var index = scalars.index(after: quote)
        while index < scalars.endIndex {
            let next = scalars.index(after: index)
            if scalars[index] == "\"" {
                guard next < scalars.endIndex, scalars[next] == "\"" else { return (String(name), next) }
                name.append("\"")
                index = scalars.index(after: next)
            } else {
                name.append(scalars[index])
                index = next
            }
        }
        return nil
    }

    private static func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_" || scalar.value >= 0x80
    }
}
