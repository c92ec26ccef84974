/// The `.env` file beside a configuration: `KEY=VALUE` lines.
///
/// Empty lines and lines that start with `#` are skipped, `export ` before a key is allowed. A value without quotes is
/// trimmed and ends before ` #`; in single quotes it stands as it is; in double quotes `\n`, `\r`, `\t`, `\"`, `\\` and
/// `\$` are escapes. Nothing is replaced inside values, and the last of several lines for one key counts.
struct DotEnvironment {
    struct Failure: Error, Equatable {
        /// Counted from 1.
        var line: Int
        var message: String
        var hint: String
    }

    private(set) var values: [String: String] = [:]
    /// Messages never repeat a value.
    private(set) var failures: [Failure] = []

    init(_ text: String) {
        for (index, line) in SourceText(text).lines.enumerated() {
            do {
                if let (key, value) = try Self.parse(line, number: index + 1) { values[key] = value }
            } catch {
                failures.append(error)
            }
        }
    }

    /// Signs of the syntax are Unicode scalars: with a combining mark after it, a quote is another `Character`.
    private typealias Scalars = Substring.UnicodeScalarView

    private static func parse(_ line: String, number: Int) throws(Failure) -> (String, String)? {
        var rest = line.unicodeScalars[...].drop(while: isBlank)
        guard let first = rest.first, first != "#" else { return nil }
        if rest.starts(with: "export".unicodeScalars), let blank = rest.dropFirst(6).first, isBlank(blank) {
            rest = rest.dropFirst(6).drop(while: isBlank)
        }
        guard let equals = rest.firstIndex(of: "=") else {
            throw Failure(line: number, message: "this line has no \"=\"", hint: "Write KEY=VALUE.")
        }
        let key = Substring(trimmed(rest[..<equals]))
        guard Substitution.isName(key) else {
            throw Failure(
                line: number, message: "what stands before \"=\" is not the name of a variable",
                hint: "Names have letters, digits and _, and start with no digit.")
        }
        let value = trimmed(rest[rest.index(after: equals)...])
        switch value.first {
        case "'"?: return (String(key), try singleQuoted(value, number: number))
        case "\""?: return (String(key), try doubleQuoted(value, number: number))
        default: return (String(key), unquoted(value))
        }
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

    private static func trimmed(_ text: Scalars) -> Scalars {
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }

    private static func unquoted(_ value: Scalars) -> String {
        var previous: Unicode.Scalar = " "
        let end = value.indices.first { index in
            defer { previous = value[index] }
            return value[index] == "#" && isBlank(previous)
        }
        return String(trimmed(value[..<(end ?? value.endIndex)]))
    }

    private static func singleQuoted(_ value: Scalars, number: Int) throws(Failure) -> String {
        let inner = value.dropFirst()
        guard let end = inner.firstIndex(of: "'") else { throw unclosed(number) }
        try expectNothing(after: inner[inner.index(after: end)...], number: number)
        return String(inner[..<end])
    }

    private static func doubleQuoted(_ value: Scalars, number: Int) throws(Failure) -> String {
        var result = String.UnicodeScalarView()
        var rest = value.dropFirst()
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"":
                try expectNothing(after: rest, number: number)
                return String(result)
            case "\\":
                guard let escaped = rest.popFirst() else { throw unclosed(number) }
                switch escaped {
                case "n": result.append("\n")
                case "r": result.append("\r")
                case "t": result.append("\t")
                case "\"", "\\", "$": result.append(escaped)
                default: result.append(contentsOf: ["\\", escaped])
                }
            default:
                result.append(scalar)
            }
        }
        throw unclosed(number)
    }

    private static func expectNothing(after rest: Scalars, number: Int) throws(Failure) {
        let rest = rest.drop(while: isBlank)
        guard rest.isEmpty || rest.first == "#" else {
            throw Failure(
                line: number, message: "there is text after the closing quote",
                hint: "Put the whole value in quotes, or escape the quotes inside as \\\".")
        }
    }

    private static func unclosed(_ number: Int) -> Failure {
        Failure(line: number, message: "the quote is not closed", hint: "A value ends on its own line.")
    }
}

extension Substring {
    func trimmingBlanks() -> Substring {
        var trimmed = drop { $0.isWhitespace }
        while trimmed.last?.isWhitespace == true { trimmed.removeLast() }
        return trimmed
    }
}
