import Foundation
import RollcallCore
import Synchronization
import Warehouse

/// A sync's state between two places: read whole from one before the first row is written into the other, so that neither
/// waits for the other, in memory or an unlinked temporary file.
final class StateSpool: Sendable {
    private enum Kind: UInt8 {
        case table = 1
        case row
        case null
        case integer
        case real
        case text
        case bytes
    }

    // SAFETY: Spool says that one thread writes it at a time, and that reading begins when that has ended; ``append(_:)`` is
    // called from one read, and ``parts()`` after it.
    private let spool = Spool()
    private let tables = Mutex<Set<StateTable>>([])

    func append(_ part: StatePart) throws {
        switch part {
        case .table(let table, let columns):
            tables.withLock { _ = $0.insert(table) }
            spool.append(byte: Kind.table.rawValue)
            spool.append(text: table.rawValue)
            spool.append(number: UInt64(columns.count))
            for column in columns { spool.append(text: column) }
        case .row(let values):
            spool.append(byte: Kind.row.rawValue)
            spool.append(number: UInt64(values.count))
            for value in values { append(value) }
        }
        try spool.endRecord()
    }

    private func append(_ value: StateValue) {
        switch value {
        case .null: spool.append(byte: Kind.null.rawValue)
        case .integer(let number):
            spool.append(byte: Kind.integer.rawValue)
            spool.append(number: UInt64(bitPattern: number))
        case .real(let number):
            spool.append(byte: Kind.real.rawValue)
            spool.append(number: number.bitPattern)
        case .text(let bytes): append(bytes, .text)
        case .bytes(let bytes): append(bytes, .bytes)
        }
    }

    private func append(_ bytes: [UInt8], _ kind: Kind) {
        spool.append(byte: kind.rawValue)
        bytes.withUnsafeBytes { spool.append(bytes: $0) }
    }

    /// Whether every table was read: tables that are not there are read as nothing.
    var isWhole: Bool { tables.withLock { $0.count == StateTable.allCases.count } }

    func parts() -> any StateParts { Parts(spool) }

    private final class Parts: StateParts {
        private let reader: Mutex<Spool.Reader>

        init(_ spool: Spool) { reader = Mutex(spool.makeReader()) }

        func next() throws -> StatePart? {
            try reader.withLock { reader in try reader.isAtEnd() ? nil : Self.part(reader) }
        }

        private static func part(_ reader: Spool.Reader) throws -> StatePart {
            switch Kind(rawValue: try reader.byte()) {
            case .table:
                guard let table = try reader.text().flatMap(StateTable.init) else { throw broken }
                let columns = try (0..<reader.number()).map { _ in try reader.text() ?? "" }
                return .table(table, columns: columns)
            case .row: return .row(try (0..<reader.number()).map { _ in try value(reader) })
            default: throw broken
            }
        }

        private static func value(_ reader: Spool.Reader) throws -> StateValue {
            switch Kind(rawValue: try reader.byte()) {
            case .null: .null
            case .integer: .integer(Int64(bitPattern: try reader.number()))
            case .real: .real(Double(bitPattern: try reader.number()))
            case .text: .text(try reader.bytes() ?? [])
            case .bytes: .bytes(try reader.bytes() ?? [])
            default: throw broken
            }
        }

        private static var broken: RunError {
            RunError(code: "temporary_storage", message: "the temporary file of the state is not as it was written")
        }
    }
}
