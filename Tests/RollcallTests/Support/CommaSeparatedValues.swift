/// Reads RFC 4180, strictly enough to tell whether a program wrote it.
enum CommaSeparatedValues {
    struct Malformed: Error {
        var reason: String
    }

    /// Rows of cells.
    /// - Throws: `Malformed` for rows of different widths, stray quotes and an open quote at the end.
    static func rows(_ text: String) throws -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var cell = ""
        var isQuoted = false
        var wasQuoted = false
        var rest = Array(text.unicodeScalars)[...]
        while let scalar = rest.popFirst() {
            if isQuoted {
                if scalar != "\"" {
                    cell.unicodeScalars.append(scalar)
                } else if rest.first == "\"" {
                    cell.unicodeScalars.append(rest.removeFirst())
                } else {
                    isQuoted = false
                }
                continue
            }
            switch scalar {
            case "\"":
                guard cell.isEmpty && !wasQuoted else { throw Malformed(reason: "quote within a cell") }
                isQuoted = true
                wasQuoted = true
            case ",", "\n":
                row.append(cell)
                cell = ""
                wasQuoted = false
                if scalar == "\n" {
                    rows.append(row)
                    row = []
                }
            default:
                guard !wasQuoted else { throw Malformed(reason: "text after a quoted cell") }
                cell.unicodeScalars.append(scalar)
            }
        }
        guard !isQuoted, row.isEmpty, cell.isEmpty else { throw Malformed(reason: "the last line is not ended") }
        guard Set(rows.map(\.count)).count <= 1 else { throw Malformed(reason: "rows of different widths") }
        return rows
    }
}
