package import RollcallCore
import SeededRandom
package import Warehouse

/// Rows by bucket, with digests of them: hashes of every byte, under the seeds of the grouping.
extension MemoryWarehouse {
    /// Buckets for each one that is asked for. A history has a dozen rows, which would all be in one: then no bucket would change
    /// beside others that do not.
    private static let bucketsForOne = 4

    package func readBuckets(
        _ source: AudienceSource, columns: IdentifierColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, _ bucket: Int) throws -> Void
    ) async throws -> Bool {
        let rows = audience.map { row in
            (email: columns.email == nil ? nil : row.email, userID: columns.userID == nil ? nil : row.userID)
        }
        return try readGroups(rows, grouping, choose) { row in
            (spreading: row.email ?? row.userID, cells: [row.email, row.userID])
        } give: { row, bucket in
            try MemoryWarehouse.withCell(row.email) { email in
                try MemoryWarehouse.withCell(row.userID) { try body(email, $0, bucket) }
            }
        }
    }

    package func readRecordBuckets(
        _ source: AudienceSource, columns: RecordColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body:
            @escaping @Sendable (
                _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>, _ bucket: Int
            ) throws -> Void
    ) async throws -> Bool {
        let identifiers = [columns.identifiers.email, columns.identifiers.userID].compactMap(\.self)
        return try readGroups(rows(of: source), grouping, choose) { row in
            let cells = (identifiers + columns.fields).map { row[$0].hashed }
            return (spreading: cells.prefix(max(identifiers.count, 1)).compactMap(\.self).first, cells)
        } give: { row, bucket in
            try MemoryWarehouse.give(row, columns) { try body($0, $1, $2, bucket) }
        }
    }

    /// - Parameters:
    ///   - parts: what gives the bucket of a row, and all that is read of it.
    ///   - give: gets each row of a bucket that is wanted.
    private func readGroups<Row>(
        _ rows: [Row], _ grouping: RowGrouping, _ choose: (GroupedRows) throws -> BucketSelection,
        _ parts: (Row) -> (spreading: [UInt8]?, cells: [[UInt8]?]), give: (Row, _ bucket: Int) throws -> Void
    ) throws -> Bool {
        if isRefusingGroups { return false }
        let buckets = grouping.buckets * Self.bucketsForOne
        var digests = [BucketDigest](repeating: .empty, count: buckets)
        let places = rows.map { row in
            let (spreading, cells) = parts(row)
            let hash = Self.hash(spreading, UInt64(bitPattern: grouping.seeds[0]))
            let bucket = Int(hash % UInt64(buckets))
            digests[bucket].add(
                grouping.seeds[1...].map { seed in cells.reduce(UInt64(bitPattern: seed)) { Self.hash($1, $0) } })
            return bucket
        }
        let wanted = try choose(GroupedRows(basis: "rows in memory", digests: digests))
        for (row, bucket) in zip(rows, places) where wanted.contains(bucket) { try give(row, bucket) }
        if isContradictingGroups {
            throw WarehouseError(.inconsistent, "The source gave other rows than those of its digests.")
        }
        return true
    }

    /// A NULL is a number that no byte is, and ends with another length than any text.
    private static func hash(_ bytes: [UInt8]?, _ seed: UInt64) -> UInt64 {
        guard let bytes else { return SeededGenerator.mix(seed ^ 0xffff) }
        let sum = bytes.reduce(seed) { SeededGenerator.mix($0 ^ (UInt64($1) + 1)) }
        return SeededGenerator.mix(sum ^ UInt64(bytes.count) << 32)
    }
}

extension TableRow.Value {
    /// Values that are read differently have different bytes; nil for NULL.
    fileprivate var hashed: [UInt8]? {
        switch self {
        case .null: nil
        case .text(let text): [0] + text.utf8
        case .integer(let number): [1] + "\(number)".utf8
        case .timestamp(let microseconds): [2] + "\(microseconds)".utf8
        }
    }
}

extension BucketDigest {
    fileprivate mutating func add(_ hashes: [UInt64]) {
        rows += 1
        first = Self.sum(first, hashes[0])
        second = Self.sum(second, hashes[1])
    }

    private static func sum(_ number: Int64, _ hash: UInt64) -> Int64 {
        let modulus = UInt64(modulus)
        return Int64((UInt64(number) + hash % modulus) % modulus)
    }
}
