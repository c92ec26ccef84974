/// Sentences on a terminal of known width: what does not fit into a line goes on in the next one, under the text that it
/// continues. Words stay whole, however wide they are, and so do lines that are to be copied.
enum FlowedText {
    /// - Parameters:
    ///   - text: one line or more. The first one goes on as deep as the label is wide, the others as deep as they begin.
    ///   - label: what the first line begins with, perhaps in colour.
    ///   - width: columns of the terminal; nil: there is none, and every line stays whole.
    static func lines(_ text: String, after label: String = "", width: Int?) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let width else { return ["\(label)\(lines[0])"] + lines.dropFirst() }
        return lines.enumerated().flatMap { index, line -> [String] in
            let start = index == 0 ? label : ""
            if isToCopy(line) { return [start + line] }
            let depth = start.isEmpty ? line.prefix { $0 == " " }.count : columns(start)
            return join(pieces(start + line), width: width, depth: depth > width / 3 ? deepIndent : depth)
        }
    }

    /// Words, and what stands between backticks as one.
    private static func pieces(_ line: String) -> [String] {
        var pieces: [String] = []
        var isOpen = false
        for word in line.split(separator: " ", omittingEmptySubsequences: false) {
            if isOpen { pieces[pieces.count - 1] += " " + word } else { pieces.append(String(word)) }
            if !word.count(where: { $0 == "`" }).isMultiple(of: 2) { isOpen.toggle() }
        }
        return pieces
    }

    /// Pieces with a blank between each two, in lines of at most `width` columns as far as no piece is wider.
    ///
    /// - Parameters:
    ///   - pieces: may have blanks of their own, at which no line is broken.
    ///   - width: nil: all are one line.
    ///   - depth: by how many blanks the lines after the first are indented.
    static func join(_ pieces: [String], width: Int?, depth: Int) -> [String] {
        guard let width else { return [pieces.joined(separator: " ")] }
        var lines: [String] = []
        var line = pieces.first ?? ""
        for piece in pieces.dropFirst() {
            // A line that is no wider than the indentation gives no room by being broken.
            let isFull = columns(line) >= depth && columns(line) + 1 + columns(piece) > width
            if !isFull {
                line += " " + piece
            } else if !piece.isEmpty {
                lines.append(withoutBlanksAtEnd(line))
                line = String(repeating: " ", count: depth) + piece
            }
        }
        return lines + [line]
    }

    /// How deep a line goes on whose label is too wide to go on under the text behind it.
    private static let deepIndent = 4

    /// What statements and commands begin with; sentences begin otherwise.
    private static let statementStarts = [
        "ALTER ", "ANALYZE ", "CREATE ", "DROP ", "GRANT ", "REVOKE ", "chmod ", "export ", "rollcall ", "sudo ",
    ]

    /// Whether a line is a statement or a command, which a break would spoil.
    private static func isToCopy(_ line: String) -> Bool {
        let text = line.drop { $0 == " " }
        return statementStarts.contains { text.hasPrefix($0) }
    }

    /// How wide a text is on a terminal; colours take no room.
    private static func columns(_ text: String) -> Int {
        guard text.utf8.contains(0x1B) else { return text.count }
        return text.replacing(/\u{1B}\[[0-9;]*m/, with: "").count
    }

    private static func withoutBlanksAtEnd(_ line: String) -> String {
        var line = line
        while line.last == " " { line.removeLast() }
        return line
    }
}
