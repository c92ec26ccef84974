import RollcallCore

/// A row of a table with typed cells, by the names of its columns.
struct TableRow: Equatable, Sendable {
    /// What stands in a cell.
    enum Value: Equatable, Sendable {
        case null
        case text(String)
        case integer(Int64)
        /// Microseconds since 1970.
        case timestamp(Int64)

        var text: String? { if case .text(let text) = self { text } else { nil } }
        var number: Int64? { if case .integer(let number) = self { number } else { nil } }
        var bytes: [UInt8]? { text.map { Array($0.utf8) } }

        /// Where it stands in a column of whole numbers or of times; nil: it has no place there.
        var position: Int64? {
            switch self {
            case .integer(let position), .timestamp(let position): position
            case .null, .text: nil
            }
        }
    }

    private var cells: [String: Value] = [:]

    init() {}

    /// By the name of the column.
    subscript(column: String) -> Value {
        get { cells[column] ?? .null }
        set { cells[column] = newValue }
    }

    /// For the story of a history.
    func summary(_ columns: [String]) -> String {
        let cells = columns.map { column -> String in
            switch self[column] {
            case .null: "-"
            case .text(let text): text
            case .integer(let number), .timestamp(let number): String(number)
            }
        }
        return cells.joined(separator: "/")
    }

    /// Calls `body` with the cells of columns, which are valid during the call.
    func withCells(_ columns: [String], _ body: (UnsafeBufferPointer<RecordCell>) throws -> Void) throws {
        let values = columns.map { self[$0] }
        // The bytes of all texts lie behind each other.
        try values.flatMap { $0.bytes ?? [] }.withUnsafeBytes { bytes in
            var start = 0
            let cells = values.map { value -> RecordCell in
                switch value {
                case .null: return .null
                case .integer(let number): return .integer(number)
                case .timestamp(let microseconds): return .timestamp(microseconds: microseconds)
                case .text(let text):
                    let count = text.utf8.count
                    defer { start += count }
                    return .text(UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
                }
            }
            try cells.withUnsafeBufferPointer { try body($0) }
        }
    }
}
