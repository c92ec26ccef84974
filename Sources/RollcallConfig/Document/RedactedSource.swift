import RollcallCore

/// The lines of a configuration with everything masked that is, or might be, a secret.
///
/// It works on the text alone, so that it holds for files that are not even YAML: the values of keys that look like
/// secret ones, misspelt or not, on the same line and on the deeper lines below; passwords in addresses; `password=`.
struct RedactedSource {
    static let mask = "***"
    private let lines: [String]

    init(_ source: SourceText) {
        var hiddenBelow: Int?
        var awaitsValue = false
        var showsKeys = false
        var isInSyncs = false
        lines = source.lines.map { line in
            let indent = line.prefix { $0 == " " }.count
            guard indent < line.count else { return line }
            if indent == 0, line.first != "#" { isInSyncs = line.prefixMatch(of: /syncs\s*:\s*(#.*)?$/) != nil }
            if let limit = hiddenBelow {
                if indent > limit || (awaitsValue && !Self.looksLikeKey(line)) {
                    return showsKeys ? Self.maskedBehindKey(line) : String(repeating: " ", count: indent) + Self.mask
                }
                hiddenBelow = nil
            }
            guard let valueStart = Self.secretValueStart(in: line, isInSyncs: isInSyncs) else {
                return Self.maskAddresses(in: line)
            }
            hiddenBelow = indent
            awaitsValue = line[valueStart...].wholeMatch(of: /[|>]?[-+0-9]*\s*(#.*)?/) != nil
            showsKeys = line.wholeMatch(of: /\s*auth\s*:\s*(#.*)?/) != nil
            return Self.masked(line, from: valueStart)
        }
    }

    /// A line by its number from 1; nil when there is no such line or nothing on it. With a place, the value of the
    /// key there is masked too.
    func line(_ number: Int, hidingValueAt place: Position?) -> String? {
        guard number >= 1, number <= lines.count else { return nil }
        var line = lines[number - 1]
        if let place,
            let start = line.unicodeScalars.index(
                line.unicodeScalars.startIndex, offsetBy: place.column - 1, limitedBy: line.unicodeScalars.endIndex),
            let colon = line[start...].firstIndex(of: ":")
        {
            line = Self.masked(line, from: line.index(after: colon))
        }
        return line.allSatisfy(\.isWhitespace) ? nil : TextLayout.printable(line)
    }

    /// Whether a word looks like the name of a secret.
    static func isSecretWord(_ word: String) -> Bool {
        let plain = Suggestion.normalized(word)
        if plain == "url" || plain == "uri" || plain == "dsn" || plain == "key" || plain == "pwd" { return true }
        if plain == "tokens" { return false }
        // Of receivers: what stands below them is a token or the value of a header.
        if ["auth", "basic", "oauth2", "header"].contains(plain) { return true }
        if ["apikey", "secret", "token", "passw", "sha256", "databaseurl"].contains(where: plain.contains) {
            return true
        }
        return plain.count >= 4 && plain.count <= 8 && EditDistance.between(plain, "apikey") <= 2
    }

    /// Where the value of the first key that looks secret begins.
    /// - Parameter isInSyncs: whether the line is one of a sync, where `key` names columns.
    private static func secretValueStart(in line: String, isInSyncs: Bool) -> String.Index? {
        var index = line.startIndex
        while index < line.endIndex {
            guard isWordCharacter(line[index]) else {
                index = line.index(after: index)
                continue
            }
            let end = line[index...].firstIndex { !isWordCharacter($0) } ?? line.endIndex
            let word = String(line[index..<end])
            let namesColumns =
                isInSyncs && word == "key" && line[..<index].allSatisfy(\.isWhitespace) && !hasLongWord(line[end...])
            if startsKey(index, in: line), !namesColumns, isSecretWord(word) {
                return line[end...].firstIndex { !$0.isWhitespace && !"\"':=".contains($0) } ?? line.endIndex
            }
            index = end
        }
        return nil
    }

    /// Whether a text may have an API key or a token in it; names of columns have words that are shorter.
    private static func hasLongWord(_ text: Substring) -> Bool {
        text.split { !($0.isLetter || $0.isNumber) }.contains { $0.count >= 24 }
    }

    /// A line below a key whose own keys are no secrets: what stands behind the first key is masked; without a key, the whole line.
    private static func maskedBehindKey(_ line: String) -> String {
        guard looksLikeKey(line), let colon = line.firstIndex(of: ":") else {
            return String(line.prefix { $0 == " " }) + mask
        }
        return masked(line, from: line.index(after: colon))
    }

    /// A key at the start of a line; whatever else follows a secret key without a value may be the badly indented value.
    private static func looksLikeKey(_ line: String) -> Bool {
        line.prefixMatch(of: /\s*(-\s+)?["']?[A-Za-z0-9][A-Za-z0-9._-]*["']?\s*:(\s|$)/) != nil
    }

    /// A key stands first on its line, or behind one of the signs that may come before a key.
    private static func startsKey(_ index: String.Index, in line: String) -> Bool {
        guard let before = line[..<index].last(where: { !$0.isWhitespace }) else { return true }
        return "-{,?#\"'[".contains(before)
    }

    private static func isWordCharacter(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_" || character == "-"
    }

    /// Masks from a place to the end, unless nothing but one reference to the environment stands there.
    private static func masked(_ line: String, from start: String.Index) -> String {
        let value = line[start...]
        if value.allSatisfy(\.isWhitespace) { return line }
        let reference = /\s*["']?\$\{[A-Za-z_][A-Za-z0-9_]*\}["']?\s*(#.*)?/
        if value.wholeMatch(of: reference) != nil { return line }
        let blanks = value.prefix { $0.isWhitespace }
        return String(line[..<start]) + (blanks.isEmpty && line[..<start].last == ":" ? " " : blanks) + mask
    }

    private static func maskAddresses(in line: String) -> String {
        guard line.contains("://") || line.lowercased().contains("password") else { return line }
        return
            line
            .replacing(/:\/\/\S*@/.matchingSemantics(.unicodeScalar)) { _ in "://\(mask)@" }
            .replacing(/(?i)(password\s*=\s*)\S+/.matchingSemantics(.unicodeScalar)) { "\($0.output.1)\(mask)" }
    }
}
