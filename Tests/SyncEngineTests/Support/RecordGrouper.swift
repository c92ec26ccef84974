import RollcallCore
import Synchronization
import Warehouse

/// Groups the rows of users and catalogs as Postgres does, over a warehouse that cannot: it reads them twice. Counts each row that it
/// gives as one byte that has travelled.
final class RecordGrouper: Sendable {
    /// What the bucket of a row depends on. Of a warehouse it is only known that it depends on the row.
    enum Spread: Sendable, CaseIterable {
        case firstColumn, wholeRow
    }

    private let spread: Spread
    private let inconsistent: Mutex<Int>

    /// - Parameter inconsistent: how many readings end as those whose rows were not those of their digests.
    init(_ spread: Spread = .wholeRow, inconsistent: Int = 0) {
        self.spread = spread
        self.inconsistent = Mutex(inconsistent)
    }

    func read(
        _ inner: any Warehouse, _ source: AudienceSource, columns: RecordColumns, grouping: RowGrouping, basis: String,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, UnsafeBufferPointer<RecordCell>, Int) throws -> Void
    ) async throws -> Bool {
        let digests = Mutex([BucketDigest](repeating: .empty, count: grouping.buckets))
        let place: @Sendable (AudienceCell, AudienceCell, UnsafeBufferPointer<RecordCell>) -> Place = { [spread] in
            Place($0, $1, $2, grouping, spread)
        }
        try await inner.readRecords(source, columns: columns, parts: 1) { _, email, userID, cells in
            let place = place(email, userID, cells)
            digests.withLock { $0[place.bucket].add(place) }
        }
        let wanted = try choose(GroupedRows(basis: basis, digests: digests.withLock { $0 }))
        let given = Mutex(0)
        try await inner.readRecords(source, columns: columns, parts: 1) { _, email, userID, cells in
            let bucket = place(email, userID, cells).bucket
            guard wanted.contains(bucket) else { return }
            given.withLock { $0 += 1 }
            try body(email, userID, cells, bucket)
        }
        ReadMeter.current?.add(given.withLock { $0 })
        let isInconsistent = inconsistent.withLock { left in
            left -= 1
            return left >= 0
        }
        if isInconsistent { throw WarehouseError(.inconsistent, "The source gave other rows than a moment before.") }
        return true
    }

    /// In which bucket a row lies, and its two hashes.
    struct Place {
        let bucket: Int
        let hashes: (UInt64, UInt64)

        init(
            _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>,
            _ grouping: RowGrouping, _ spread: Spread
        ) {
            let key = grouping.seeds.flatMap { seed in
                (0..<8).map { UInt8(truncatingIfNeeded: UInt64(bitPattern: seed) >> (8 * UInt64($0))) }
            }
            var columns: [[UInt8]] = [Self.bytes(email), Self.bytes(userID)]
            for cell in cells { columns.append(Self.bytes(cell)) }
            let row = columns.flatMap { Self.number($0.count) + $0 }
            hashes = row.withUnsafeBytes { SipHash(key: Array(key[..<16])).hash($0) }
            let spreading = spread == .wholeRow ? row : columns.first { $0 != [0] } ?? []
            let hash = spreading.withUnsafeBytes { SipHash(key: Array(key[8...])).hash($0) }
            bucket = Int(hash.0 % UInt64(grouping.buckets))
        }

        private static func number(_ count: Int) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
        }

        private static func bytes(_ cell: AudienceCell) -> [UInt8] {
            cell.bytes.map { [cell.isIdentifier ? 1 : 2] + Array($0) } ?? [0]
        }

        private static func bytes(_ cell: RecordCell) -> [UInt8] {
            switch cell {
            case .null: [0]
            case .integer(let number): [1] + Array("\(number)".utf8)
            case .decimal(let text): [2] + Array(text)
            case .real(let number): [3] + Array("\(number)".utf8)
            case .single(let number): [4] + Array("\(number)".utf8)
            case .boolean(let isTrue): [5, isTrue ? 1 : 0]
            case .date(let days): [6] + Array("\(days)".utf8)
            case .timestamp(let time): [7] + Array("\(time)".utf8)
            case .localTimestamp(let time): [8] + Array("\(time)".utf8)
            case .text(let text): [9] + Array(text)
            case .json(let text): [10] + Array(text)
            case .infinity: [11]
            case .opaque: [12]
            }
        }
    }
}

extension BucketDigest {
    fileprivate mutating func add(_ place: RecordGrouper.Place) {
        rows += 1
        first &+= Int64(bitPattern: place.hashes.0)
        second &+= Int64(bitPattern: place.hashes.1)
    }
}
