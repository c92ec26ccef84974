import RollcallCore
import Warehouse

/// Rows with content, copied out of the warehouse's buffers to be compared by another thread. Used by one thread at a time.
struct RecordBatch: ~Copyable {
    /// Rows of few columns; of rows with more columns fewer, so that a batch stays in the second cache.
    static let mostRows = 128
    private static let mostCells = 4096
    /// Bytes of all values of a batch.
    static let room = 1 << 16

    private struct Row {
        var email: AudienceCell
        var userID: AudienceCell
        var bucket: Int
    }

    private let columns: Int
    private let capacity: Int
    private var count = 0
    private var used = 0
    // SAFETY: all memory is owned by this value, which cannot be copied, and freed in `deinit`; `count` bounds what is initialised. All
    // pointers in rows and cells are into `bytes`. Both types are trivial.
    private let rows: UnsafeMutablePointer<Row>
    private let cells: UnsafeMutablePointer<RecordCell>
    private let bytes = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: 1)

    /// - Parameter columns: cells of a row, beside its identifiers.
    init(columns: Int) {
        self.columns = columns
        capacity = max(1, min(Self.mostRows, Self.mostCells / max(1, columns)))
        rows = .allocate(capacity: capacity)
        cells = .allocate(capacity: capacity * columns)
    }

    deinit {
        rows.deallocate()
        cells.deallocate()
        bytes.deallocate()
    }

    var isEmpty: Bool { count == 0 }

    mutating func removeAll() {
        count = 0
        used = 0
    }

    /// Bytes that a row takes up.
    static func size(
        _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>
    ) -> Int {
        var size = (email.bytes?.count ?? 0) &+ (userID.bytes?.count ?? 0)
        for cell in cells { size &+= cell.bytes?.count ?? 0 }
        return size
    }

    /// - Parameter size: of the row; see ``size(_:_:_:)``.
    func hasRoom(for size: Int) -> Bool { count < capacity && size <= Self.room - used }

    /// Only where it has room.
    mutating func append(
        _ email: AudienceCell, _ userID: AudienceCell, _ values: UnsafeBufferPointer<RecordCell>, bucket: Int
    ) {
        rows[count] = Row(email: copy(email), userID: copy(userID), bucket: bucket)
        let first = cells + count &* columns
        for place in 0..<columns { first[place] = copy(values[place]) }
        count &+= 1
    }

    /// Calls `body` for each row in order. The cells are valid until the batch is emptied.
    func forEach(_ body: RowFeed.Body) throws {
        for place in 0..<count {
            let row = rows[place]
            try body(
                row.email, row.userID, UnsafeBufferPointer(start: cells + place &* columns, count: columns), row.bucket)
        }
    }

    private mutating func copy(_ cell: AudienceCell) -> AudienceCell {
        guard let value = cell.bytes else { return cell }
        return AudienceCell(bytes: copy(value), isIdentifier: cell.isIdentifier)
    }

    private mutating func copy(_ cell: RecordCell) -> RecordCell {
        switch cell {
        case .text(let value): .text(copy(value))
        case .json(let value): .json(copy(value))
        case .decimal(let value): .decimal(copy(value))
        default: cell
        }
    }

    private mutating func copy(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let start = bytes + used
        if let source = value.baseAddress { start.copyMemory(from: source, byteCount: value.count) }
        used &+= value.count
        return UnsafeRawBufferPointer(start: start, count: value.count)
    }
}

extension RecordCell {
    /// What it has in the warehouse's buffers.
    fileprivate var bytes: UnsafeRawBufferPointer? {
        switch self {
        case .text(let value), .json(let value), .decimal(let value): value
        default: nil
        }
    }
}
