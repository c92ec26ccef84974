import ArgumentParser
import Foundation
import RollcallCore

/// The formats of commands that read.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table
    case json
    case csv
}

/// One value of a listing.
enum Value: Sendable, Hashable {
    case text(String)
    case integer(Int64)
    case time(Date)
    case flag(Bool)
    case none

    init(_ text: String?) { self = text.map(Value.text) ?? .none }
    init(_ number: Int64?) { self = number.map(Value.integer) ?? .none }
    init(_ number: Int) { self = .integer(Int64(number)) }
    init(_ date: Date?) { self = date.map(Value.time) ?? .none }

    var isNumber: Bool { if case .integer = self { true } else { false } }

    /// For tables; times to the second.
    var shown: String {
        switch self {
        case .text(let text): DisplayText.safe(text)
        case .integer(let number): String(number)
        case .time(let date): String(date.iso8601.prefix(19)).replacingOccurrences(of: "T", with: " ")
        case .flag(let flag): flag ? "yes" : "no"
        case .none: "-"
        }
    }

    /// For CSV and JSON; times to the millisecond.
    var plain: String {
        switch self {
        case .text(let text): text
        case .integer(let number): String(number)
        case .time(let date): date.iso8601
        case .flag(let flag): flag ? "true" : "false"
        case .none: ""
        }
    }

    var json: JSON {
        switch self {
        case .text(let text): .string(text)
        case .time(let date): .time(date)
        case .integer(let number): .integer(number)
        case .flag(let flag): .bool(flag)
        case .none: .null
        }
    }
}

/// Rows with named columns, shown as a table, JSON or CSV.
struct Listing {
    var columns: [String]
    var rows: [[Value]] = []

    func render(_ format: OutputFormat, on console: Console) -> String {
        switch format {
        case .table: TextTable(self).render(on: console)
        case .json: lines
        case .csv: csv
        }
    }

    /// An array with one object a row, each on a line.
    private var lines: String {
        rows.isEmpty ? "[]" : "[" + rows.map { jsonObject($0).text }.joined(separator: ",\n ") + "]"
    }

    /// An array with one object a row.
    var json: JSON { .array(rows.map(jsonObject)) }

    func jsonObject(_ row: [Value]) -> JSON { .object(zip(columns, row).map { ($0, $1.json) }) }

    /// RFC 4180 with `\n`; a cell that a spreadsheet would take for a formula is preceded by an apostrophe.
    var csv: String {
        ([Listing.csvLine(columns.map(Value.text))] + rows.map(Listing.csvLine)).joined(separator: "\n")
    }

    static func csvLine(_ row: [Value]) -> String {
        row.map { value in
            if case .text(let text) = value { return CommaSeparated.text(text) }
            return CommaSeparated.quoted(value.plain)
        }.joined(separator: ",")
    }
}

/// A table that fits the terminal: the widest columns give way, and the last one goes on over several lines.
struct TextTable {
    private let listing: Listing

    init(_ listing: Listing) { self.listing = listing }

    /// Columns are this far apart.
    private static let gap = 2
    /// No column becomes narrower than this.
    private static let narrowest = 8
    /// The last column keeps this much where it can.
    private static let lastColumn = 28

    func render(on console: Console) -> String {
        let cells = listing.rows.map { $0.map(\.shown) }
        let widths = widths(cells, limit: console.outIsTerminal ? console.width : 200)
        let right = listing.columns.indices.map { column in listing.rows.contains { $0[column].isNumber } }
        let header = lines(listing.columns, widths, right).joined(separator: "\n")
        return ([console.styled(header, .bold)] + cells.flatMap { lines($0, widths, right) }).joined(separator: "\n")
    }

    /// Whether nothing has to give way.
    func fits(_ console: Console) -> Bool {
        let cells = listing.rows.map { $0.map(\.shown) }
        let limit = console.outIsTerminal ? console.width : 200
        return widths(cells, limit: .max).reduce(0, +) + Self.gap * (listing.columns.count - 1) <= limit
    }

    private func widths(_ cells: [[String]], limit: Int) -> [Int] {
        var widths = listing.columns.indices.map { column in
            max(listing.columns[column].count, cells.map { $0[column].count }.max() ?? 0)
        }
        let last = widths.count - 1
        while widths.reduce(0, +) + Self.gap * last > limit {
            let candidates = widths.indices.filter { widths[$0] > ($0 == last ? Self.lastColumn : Self.narrowest) }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        return widths
    }

    private func lines(_ cells: [String], _ widths: [Int], _ right: [Bool]) -> [String] {
        guard let tail = cells.last, let width = widths.last else { return [] }
        var start = ""
        for (index, cell) in cells.dropLast().enumerated() {
            let shown = cell.count > widths[index] ? cell.prefix(max(0, widths[index] - 1)) + "…" : cell[...]
            let blanks = String(repeating: " ", count: widths[index] - shown.count)
            start += (right[index] ? blanks + shown : shown + blanks) + String(repeating: " ", count: Self.gap)
        }
        let parts =
            right[right.count - 1]
            ? [String(repeating: " ", count: max(0, width - tail.count)) + tail] : Self.wrap(tail, width)
        let indent = String(repeating: " ", count: start.count)
        return parts.enumerated().map { index, part in
            var line = (index == 0 ? start : indent) + part
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// Breaks a text between words, or inside one that is wider than a line.
    static func wrap(_ text: String, _ width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            if !line.isEmpty && line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " " + word
            while line.count > width {
                lines.append(String(line.prefix(width)))
                line.removeFirst(width)
            }
        }
        if !line.isEmpty || lines.isEmpty { lines.append(line) }
        return lines
    }
}
