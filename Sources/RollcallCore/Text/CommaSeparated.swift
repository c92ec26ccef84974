/// Cells of comma-separated values (RFC 4180).
package enum CommaSeparated {
    /// A cell with text from elsewhere: one that a spreadsheet would take for a formula is preceded by an apostrophe.
    /// Source: OWASP, CSV Injection.
    package static func text(_ text: String) -> String {
        let startsFormula = text.utf8.first.map(formulaSigns.contains) ?? false
        return quoted(startsFormula ? "'" + text : text)
    }

    /// What a spreadsheet takes for the beginning of a formula, or passes over before one.
    private static let formulaSigns = Array("=+-@\t\r\n".utf8)

    /// A cell as it is, in quotation marks where it needs them.
    package static func quoted(_ cell: String) -> String {
        guard cell.utf8.contains(where: { Array(",\"\r\n".utf8).contains($0) }) else { return cell }
        // By Unicode scalars: a quote with a combining mark after it is a quote to every reader of CSV.
        var quoted = "\""
        for scalar in cell.unicodeScalars {
            if scalar == "\"" { quoted.unicodeScalars.append("\"") }
            quoted.unicodeScalars.append(scalar)
        }
        quoted.unicodeScalars.append("\"")
        return quoted
    }
}
