public import RollcallCore
import SeededRandom
public import Warehouse

/// Rows of the audience by bucket, with digests of them: hashes of every byte, under the seeds of the grouping.
extension MemoryWarehouse {
    /// Buckets for each one that is asked for. A history has a dozen rows, which would all be in one: then no bucket would change
    /// beside others that do not.
    private static let bucketsForOne = 4

    public func readBuckets(
        _ source: AudienceSource, columns: IdentifierColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, _ bucket: Int) throws -> Void
    ) async throws -> Bool {
        if isRefusingGroups { return false }
        let buckets = grouping.buckets * Self.bucketsForOne
        var digests = [BucketDigest](repeating: .empty, count: buckets)
        let rows = audience.map { row in
            GroupedRow(
                email: columns.email == nil ? nil : row.email, userID: columns.userID == nil ? nil : row.userID,
                grouping.seeds, buckets: buckets)
        }
        for row in rows { digests[row.bucket].add(row.hashes) }
        let wanted = try choose(GroupedRows(basis: "rows in memory", digests: digests))
        for row in rows where wanted.contains(row.bucket) {
            try MemoryWarehouse.withCell(row.email) { email in
                try MemoryWarehouse.withCell(row.userID) { try body(email, $0, row.bucket) }
            }
        }
        if isContradictingGroups {
            throw WarehouseError(.inconsistent, "The source gave other rows than those of its digests.")
        }
        return true
    }
}

private struct GroupedRow {
    let email: [UInt8]?
    let userID: [UInt8]?
    let bucket: Int
    /// The two whose sums are the digest.
    let hashes: [UInt64]

    init(email: [UInt8]?, userID: [UInt8]?, _ seeds: [Int64], buckets: Int) {
        (self.email, self.userID) = (email, userID)
        let bucketHash = Self.hash(email ?? userID, UInt64(bitPattern: seeds[0]))
        bucket = Int(bucketHash % UInt64(buckets))
        hashes = seeds[1...].map { seed in Self.hash(userID, Self.hash(email, UInt64(bitPattern: seed))) }
    }

    /// A NULL is a number that no byte is, and ends with another length than any text.
    private static func hash(_ bytes: [UInt8]?, _ seed: UInt64) -> UInt64 {
        guard let bytes else { return SeededGenerator.mix(seed ^ 0xffff) }
        let sum = bytes.reduce(seed) { SeededGenerator.mix($0 ^ (UInt64($1) + 1)) }
        return SeededGenerator.mix(sum ^ UInt64(bytes.count) << 32)
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
