import RollcallCore

/// How messages are laid out for a terminal.
enum TextLayout {
    /// Columns that a line should not exceed.
    static let width = 80

    /// Breaks text at blanks; every line starts with `indent` blanks. Words longer than a line stay whole.
    static func wrap(_ text: String, indent: Int) -> [String] {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var line = ""
            for word in paragraph.split(separator: " ") {
                if !line.isEmpty, indent + line.count + 1 + word.count > width {
                    lines.append(margin + line)
                    line = ""
                }
                line += line.isEmpty ? String(word) : " \(word)"
            }
            lines.append(margin + line)
        }
        return lines
    }

    /// The part of a line around a column (from 1, in Unicode scalars) that fits `width`, and how many columns
    /// the caret stands in from its left edge.
    static func crop(_ line: String, around column: Int, width: Int) -> (text: String, caret: Int) {
        let scalars = Array(line.unicodeScalars)
        let place = min(max(column - 1, 0), scalars.count)
        guard scalars.count > width else { return (line, place) }
        let start = place < width - 10 ? 0 : min(place - width / 2, scalars.count - width)
        let end = min(start + width, scalars.count)
        var part = String.UnicodeScalarView(scalars[start..<end])
        if start > 0 { part.replaceSubrange(part.startIndex..<part.index(after: part.startIndex), with: ["…"]) }
        if end < scalars.count {
            let last = part.index(before: part.endIndex)
            part.replaceSubrange(last..<part.endIndex, with: ["…"])
        }
        return (String(part), place - start)
    }

    /// Text of the user in double quotes, at most 60 characters, with whatever could upset a terminal made visible.
    static func quoted(_ text: String) -> String {
        var shown = ""
        for scalar in text.unicodeScalars.prefix(60) {
            switch scalar {
            case "\"": shown += "\\\""
            case "\n": shown += "\\n"
            case "\t": shown += "\\t"
            default: shown.unicodeScalars.append(DisplayText.isUnsafe(scalar) ? "\u{FFFD}" : scalar)
            }
        }
        return "\"\(shown)\(text.unicodeScalars.count > 60 ? "…" : "")\""
    }

    /// A source line made safe to print; the number of scalars stays, so that columns hold.
    static func printable(_ line: String) -> String {
        var shown = String.UnicodeScalarView()
        for scalar in line.unicodeScalars {
            shown.append(scalar == "\t" ? " " : DisplayText.isUnsafe(scalar) ? "\u{FFFD}" : scalar)
        }
        return String(shown)
    }

    /// The same for a text of several lines.
    static func printableLines(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
            .joined(separator: "\n")
    }

    /// Words in a sentence: "a", "a or b", "a, b or c".
    static func alternatives(_ words: [String], joint: String = "or") -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " \(joint) " + last
    }
}
