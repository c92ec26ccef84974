/// What can be said about a libpq connection string without libpq.
/// Source: PostgreSQL documentation, "Connection Strings".
enum PostgresAddress {
    /// A URI of one of libpq's schemes, or a keyword string.
    static func isPlausible(_ text: String) -> Bool {
        if text.hasPrefix("postgresql://") || text.hasPrefix("postgres://") { return true }
        return text.firstMatch(of: /^\s*[A-Za-z_]+\s*=/) != nil
    }

    /// Whether the file itself carries a password. Values from the environment stand in `literal` as
    /// ``Substitution/placeholder``; a password made of nothing else is no literal one.
    static func hasLiteralPassword(_ literal: String) -> Bool {
        passwords(in: literal).contains { password in
            !password.allSatisfy { $0 == Substitution.placeholder || $0 == "'" || $0.isWhitespace }
        }
    }

    private static func passwords(in literal: String) -> [Substring] {
        var found: [Substring] = []
        if let scheme = literal.firstRange(of: "://") {
            let rest = literal[scheme.upperBound...]
            let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            // A password may itself hold a slash that should have been encoded; it is one nevertheless.
            let reach = authority.contains("@") ? authority : rest
            if let at = reach.lastIndex(of: "@"), let colon = reach[..<at].firstIndex(of: ":") {
                found.append(reach[reach.index(after: colon)..<at])
            }
        }
        for match in literal.matches(of: /(?i)(?:^|[\s?&])(?:ssl)?password\s*=\s*('(?:[^'\\]|\\.)*'|[^\s&]*)/) {
            found.append(match.output.1)
        }
        return found
    }
}
