import Foundation
import RollcallCore
import Warehouse

/// Rows of a source that are looked into later, once it is known which of their keys were seen before, in bounded memory. One task
/// writes it, then it is read.
// SAFETY: it is written by the thread that compares (``EventDiff``), and read only after the reading has ended.
final class DeferredRows: @unchecked Sendable {
    private let spool = Spool()
    private var row: [UInt8] = []
    private(set) var keys: [Fingerprint] = []

    func add(
        _ key: Fingerprint, _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>
    ) throws {
        keys.append(key)
        row.removeAll(keepingCapacity: true)
        append(email)
        append(userID)
        for cell in cells { append(cell) }
        row.withUnsafeBytes { spool.append(bytes: $0) }
        try spool.endRecord()
    }

    /// Calls `body` for each row, in the order in which they came. The cells are valid only during the call.
    func replay(
        _ body: (
            _ key: Fingerprint, _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>
        ) throws -> Void
    ) throws {
        let reader = spool.makeReader()
        var cells: [RecordCell] = []
        for key in keys {
            try (try reader.bytes() ?? []).withUnsafeBytes { bytes in
                var stored = StoredCells(bytes)
                let (email, userID) = (stored.nextIdentifier(), stored.nextIdentifier())
                cells.removeAll(keepingCapacity: true)
                while let cell = stored.nextCell() { cells.append(cell) }
                try cells.withUnsafeBufferPointer { try body(key, email, userID, $0) }
            }
        }
    }

    // MARK: Bytes

    private func append(_ cell: AudienceCell) {
        row.append(cell.isIdentifier ? 1 : 0)
        append(cell.bytes)
    }

    /// The length, -1 for none, and the bytes.
    private func append(_ bytes: UnsafeRawBufferPointer?) {
        append(UInt64(bitPattern: Int64(bytes?.count ?? -1)))
        if let bytes { row.append(contentsOf: bytes) }
    }

    private func append(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { row.append(contentsOf: $0) }
    }

    private func append(_ cell: RecordCell) {
        row.append(CellCode(cell).rawValue)
        switch cell {
        case .null, .infinity, .opaque: break
        case .integer(let number), .timestamp(let number), .localTimestamp(let number):
            append(UInt64(bitPattern: number))
        case .date(let days): append(UInt64(bitPattern: Int64(days)))
        case .real(let number): append(number.bitPattern)
        case .single(let number): append(UInt64(number.bitPattern))
        case .boolean(let value): append(value ? 1 : 0)
        case .decimal(let bytes), .text(let bytes), .json(let bytes): append(bytes)
        }
    }
}

/// What stands before the bytes of a cell.
private enum CellCode: UInt8 {
    case null, integer, decimal, real, single, boolean, date, timestamp, localTimestamp, text, json, infinity, opaque

    init(_ cell: RecordCell) {
        self =
            switch cell {
            case .null: .null
            case .integer: .integer
            case .decimal: .decimal
            case .real: .real
            case .single: .single
            case .boolean: .boolean
            case .date: .date
            case .timestamp: .timestamp
            case .localTimestamp: .localTimestamp
            case .text: .text
            case .json: .json
            case .infinity: .infinity
            case .opaque: .opaque
            }
    }
}

/// Takes the cells of a row from the bytes that ``DeferredRows`` wrote; they point into these bytes.
private struct StoredCells {
    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func nextIdentifier() -> AudienceCell {
        let isIdentifier = nextByte() == 1
        return AudienceCell(bytes: nextBytes(), isIdentifier: isIdentifier)
    }

    /// nil: there is none left.
    mutating func nextCell() -> RecordCell? {
        if place == bytes.count { return nil }
        switch CellCode(rawValue: nextByte()) {
        case .null: return .null
        case .integer: return .integer(Int64(bitPattern: nextNumber()))
        case .decimal: return .decimal(nextBytes() ?? .empty)
        case .real: return .real(Double(bitPattern: nextNumber()))
        case .single: return .single(Float(bitPattern: UInt32(truncatingIfNeeded: nextNumber())))
        case .boolean: return .boolean(nextNumber() == 1)
        case .date: return .date(days: Int(Int64(bitPattern: nextNumber())))
        case .timestamp: return .timestamp(microseconds: Int64(bitPattern: nextNumber()))
        case .localTimestamp: return .localTimestamp(microseconds: Int64(bitPattern: nextNumber()))
        case .text: return .text(nextBytes() ?? .empty)
        case .json: return .json(nextBytes() ?? .empty)
        case .infinity: return .infinity
        case .opaque, nil: return .opaque
        }
    }

    private mutating func nextByte() -> UInt8 {
        defer { place += 1 }
        return bytes[place]
    }

    private mutating func nextNumber() -> UInt64 {
        defer { place += 8 }
        return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
    }

    private mutating func nextBytes() -> UnsafeRawBufferPointer? {
        let count = Int(Int64(bitPattern: nextNumber()))
        if count < 0 { return nil }
        defer { place += count }
        return UnsafeRawBufferPointer(rebasing: bytes[place..<place + count])
    }
}

extension UnsafeRawBufferPointer {
    fileprivate static var empty: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}
