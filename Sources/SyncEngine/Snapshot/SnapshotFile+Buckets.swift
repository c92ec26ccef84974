import RollcallCore

/// What was read of an audience's rows: a digest of each bucket. An entry of the table that has a bucket is that of exactly one of
/// the rows that its bucket had when it had this digest.
struct BucketReading: Equatable, Sendable {
    /// A hash of all that decides which rows are read and what people they are.
    var proof: Fingerprint
    var digests: [BucketDigest]
}

/// In which bucket a member's row lies now, beside what was known before.
enum BucketChange: Equatable, Sendable {
    /// As before; a member who is new has none.
    case same
    case none
    case bucket(Int)

    /// The upper half of a journal's word.
    var word: UInt64 {
        switch self {
        case .same: 0
        case .none: 1 << 32
        case .bucket(let number): UInt64(number + 2) << 32
        }
    }

    init(word: UInt64) {
        switch word >> 32 {
        case 0: self = .same
        case 1: self = .none
        case let number: self = .bucket(Int(number) - 2)
        }
    }

    init(_ bucket: Int?) { self = bucket.map { .bucket($0) } ?? .none }

    func apply(to fingerprint: Fingerprint, in table: inout MemberTable) {
        switch self {
        case .same: break
        case .none: table.setBucket(nil, of: fingerprint)
        case .bucket(let number): table.setBucket(number, of: fingerprint)
        }
    }
}

/// The part of the file about rows: each slot's bucket, the proof of the reading, the digests of the buckets.
extension SnapshotFile {
    /// Counts of slots and members take the lower bits of a word, those of buckets the upper ones.
    static let slotBits: UInt64 = 40
    static let slotMask: UInt64 = (1 << slotBits) - 1
    /// A bucket's number and its digest.
    static let digestWords = 4

    static func bucketBytes(slots: Int, buckets: Int) -> Int {
        buckets == 0 ? 0 : 4 * slots + 8 * (2 + 3 * buckets)
    }

    static func words(of digest: BucketDigest) -> [UInt64] {
        [digest.rows, digest.first, digest.second].map { UInt64(bitPattern: $0) }
    }

    static func digest(_ words: ArraySlice<UInt64>) -> BucketDigest {
        let numbers = words.map { Int64(bitPattern: $0) }
        return BucketDigest(rows: numbers[0], first: numbers[1], second: numbers[2])
    }

    /// - Returns: checksums of the chunks; nil if the file ends too early.
    static func fillBuckets(of table: LoadedTable, _ file: Int32, _ header: Header) -> [UInt64]? {
        let offset = tableOffset + header.slots * 17
        var sums: [UInt64] = []
        let isWhole = table.value.fillBuckets { bytes in
            guard let found = fill(bytes, file, offset) else { return false }
            sums = found
            return true
        }
        var words = [UInt64](repeating: 0, count: 2 + 3 * header.buckets)
        guard isWhole, let more = words.withUnsafeMutableBytes({ fill($0, file, offset + 4 * header.slots) }) else {
            return nil
        }
        let digests = stride(from: 2, to: words.count, by: 3).map { digest(words[$0..<$0 + 3]) }
        table.reading = BucketReading(proof: Fingerprint(high: words[0], low: words[1]), digests: digests)
        return sums + more
    }

    /// - Returns: checksums of the chunks.
    static func writeBuckets(
        of table: borrowing MemberTable, _ reading: BucketReading, to file: Int32, at offset: Int
    ) throws(FileBytes.Failure) -> [UInt64] {
        let words = [reading.proof.high, reading.proof.low] + reading.digests.flatMap(Self.words(of:))
        let result = table.withBucketImage { buckets -> Result<[UInt64], FileBytes.Failure> in
            do throws(FileBytes.Failure) {
                return .success(try write(buckets, to: file, at: offset))
            } catch {
                return .failure(error)
            }
        }
        let sums = try result.get()
        let after = offset + table.withBucketImage { $0.count }
        let more = words.withUnsafeBytes { bytes -> Result<[UInt64], FileBytes.Failure> in
            do throws(FileBytes.Failure) {
                return .success(try write(bytes, to: file, at: after))
            } catch {
                return .failure(error)
            }
        }
        return sums + (try more.get())
    }

    /// - Returns: false where a bucket is none of the file's.
    static func applyDigests(_ words: ArraySlice<UInt64>, to table: LoadedTable) -> Bool {
        for place in stride(from: words.startIndex, to: words.endIndex, by: digestWords) {
            guard let count = table.reading?.digests.count, words[place] < UInt64(count) else { return false }
            table.reading?.digests[Int(words[place])] = digest(words[place + 1..<place + digestWords])
        }
        return true
    }
}
