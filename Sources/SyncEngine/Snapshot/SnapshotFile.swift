import Dispatch
import Foundation
import RollcallCore
import Synchronization

/// A file that holds the fingerprints of one snapshot, with the generation that they are of.
///
/// A page with the header, then a ``MemberTable`` as it lies in memory, with what ``BucketReading`` says of the rows where that is
/// known, then a journal: what each later run changed, as one block with the generation that it led to. All numbers are of this
/// machine's order of bytes, eight bytes each but for the slots' buckets of four. Whatever is not as it should be makes the file worth
/// nothing, and the snapshot is read from the warehouse.
struct SnapshotFile {
    /// Under which conditions the file is of use.
    struct Key {
        /// Which sync, list and fingerprint key it belongs to.
        var proof: Fingerprint
        /// What the warehouse has now.
        var generation: Int64
    }

    /// A member as a run left it; without marks it is no member any more.
    struct Change {
        var fingerprint: Fingerprint
        var marks: MemberTable.Marks?
        /// In which bucket of rows the member's row lies now.
        var bucket = BucketChange.same
    }

    private static let magic: UInt64 = 0x0a31_4c4c_4f52_4e53 &+ MemberTable.imageVersion
    /// Where the table begins; a page, so that it lies as it does in memory.
    static let tableOffset = 4096
    /// Bytes that are read or written at a time, and then added up while they are in the cache.
    private static let chunk = 4 << 20
    private static let headerWords = 7
    static let blockWords = 4
    static let changeWords = 3

    let path: String

    // MARK: Reading

    /// What a file held, with the bytes of all of it and of what lies behind the table.
    typealias Loaded = (table: LoadedTable, size: Int, journal: Int)

    /// The table, if the file is whole and of this key; nil otherwise.
    func load(_ key: Key) -> Loaded? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        guard let size = FileBytes.size(of: file), let header = Self.header(file, size, key.proof),
            let blocks = Self.blocks(file, size, header),
            (blocks.last?.generation ?? header.generation) == key.generation,
            let table = Self.table(file, header)
        else { return nil }
        for block in blocks where !Self.apply(file, block, to: table) { return nil }
        return (table, size, size - header.end)
    }

    struct Header {
        var slots: Int
        /// Of rows; 0: nothing is known of them.
        var buckets: Int
        var generation: Int64
        /// Of the chunks' checksums.
        var checksum: UInt64
        /// Where the journal begins.
        var end: Int { (tableOffset + slots * 17 + bucketBytes(slots: slots, buckets: buckets) + 7) / 8 * 8 }
    }

    private static func header(_ file: Int32, _ size: Int, _ proof: Fingerprint) -> Header? {
        guard let words = words(headerWords, file, 0), words[0] == magic, words[6] == Checksum.of(words[..<6]),
            words[1] == proof.high, words[2] == proof.low
        else { return nil }
        let (slots, buckets) = (words[3] & slotMask, words[3] >> slotBits)
        guard slots > 0, slots <= UInt64(max(0, size - tableOffset) / 17), buckets <= UInt64(RowGrouping.mostBuckets)
        else { return nil }
        let header = Header(
            slots: Int(slots), buckets: Int(buckets), generation: Int64(bitPattern: words[4]), checksum: words[5])
        return header.end <= size ? header : nil
    }

    struct Block {
        var offset: Int
        /// Members.
        var count: Int
        /// Buckets of which another digest is known.
        var digests: Int
        var generation: Int64
        var words: Int { blockWords + changeWords * count + digestWords * digests }
    }

    private static func blocks(_ file: Int32, _ size: Int, _ header: Header) -> [Block]? {
        var blocks: [Block] = []
        var (offset, generation) = (header.end, header.generation)
        while offset < size {
            guard let words = words(blockWords, file, offset), Int64(bitPattern: words[1]) == generation
            else { return nil }
            let (count, digests) = (words[0] & slotMask, words[0] >> slotBits)
            guard count < UInt64(size) else { return nil }
            generation = Int64(bitPattern: words[2])
            let block = Block(offset: offset, count: Int(count), digests: Int(digests), generation: generation)
            blocks.append(block)
            offset += 8 * block.words
        }
        return offset == size ? blocks : nil
    }

    static func words(_ count: Int, _ file: Int32, _ offset: Int) -> [UInt64]? {
        var words = [UInt64](repeating: 0, count: count)
        let isWhole = try? words.withUnsafeMutableBytes { try FileBytes.read($0, from: file, at: offset) }
        return isWhole == true ? words : nil
    }

    /// Read rather than mapped: the table is looked into at random, which huge pages make faster, and a program that truncates
    /// the file cannot hurt the one that uses it.
    private static func table(_ file: Int32, _ header: Header) -> LoadedTable? {
        var sums: [UInt64] = []
        let table = MemberTable(slots: header.slots) { fingerprints, marks in
            guard let first = fill(fingerprints, file, tableOffset),
                let second = fill(marks, file, tableOffset + fingerprints.count)
            else { return false }
            sums = first + second
            return true
        }
        guard let table else { return nil }
        let loaded = LoadedTable(table)
        guard header.buckets > 0 else { return checksum(sums, header) ? loaded : nil }
        guard let more = fillBuckets(of: loaded, file, header) else { return nil }
        return checksum(sums + more, header) ? loaded : nil
    }

    private static func checksum(_ sums: [UInt64], _ header: Header) -> Bool { Checksum.of(sums) == header.checksum }

    /// Checksums of the chunks, which all cores read together; nil if the file ends too early.
    static func fill(_ bytes: UnsafeMutableRawBufferPointer, _ file: Int32, _ offset: Int) -> [UInt64]? {
        let chunks = chunks(bytes.count)
        let sums = Mutex([UInt64?](repeating: nil, count: chunks.count))
        // SAFETY: the chunks do not overlap, each iteration writes to its own, and all have ended when the call returns.
        nonisolated(unsafe) let bytes = bytes
        DispatchQueue.concurrentPerform(iterations: chunks.count) { index in
            let part = UnsafeMutableRawBufferPointer(rebasing: bytes[chunks[index]])
            guard (try? FileBytes.read(part, from: file, at: offset + chunks[index].lowerBound)) == true else { return }
            let sum = Checksum.of(UnsafeRawBufferPointer(part))
            sums.withLock { $0[index] = sum }
        }
        let found = sums.withLock { $0.compactMap(\.self) }
        return found.count == chunks.count ? found : nil
    }

    private static func chunks(_ count: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: chunk).map { $0..<min($0 + chunk, count) }
    }

    private static func apply(_ file: Int32, _ block: Block, to table: LoadedTable) -> Bool {
        guard let words = words(block.words, file, block.offset), words[3] == Checksum.of(words[..<3] + words[4...])
        else { return false }
        let members = blockWords + changeWords * block.count
        for place in stride(from: blockWords, to: members, by: changeWords) {
            let fingerprint = Fingerprint(high: words[place], low: words[place + 1])
            let marks = UInt8(truncatingIfNeeded: words[place + 2])
            if marks == 0 {
                table.value.removeMember(fingerprint)
            } else {
                table.value.addMember(fingerprint, MemberTable.Marks(rawValue: marks))
                BucketChange(word: words[place + 2]).apply(to: fingerprint, in: &table.value)
            }
        }
        return applyDigests(words[members...], to: table)
    }

    // MARK: Writing

    /// Bytes of the file; nil where there is none.
    var size: Int? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return FileBytes.size(of: file)
    }

    /// Replaces the file; the old one stays until the new one is complete.
    ///
    /// - Parameter reading: what is known of the rows, where the table keeps their buckets.
    func save(
        _ table: borrowing MemberTable, _ key: Key, reading: BucketReading? = nil
    ) throws(FileBytes.Failure) {
        let (file, name) = try FileBytes.makeTemporary(path + ".")
        defer { close(file) }
        do throws(FileBytes.Failure) {
            try Self.write(table, key, table.keepsBuckets ? reading : nil, to: file)
            guard rename(name, path) == 0 else { throw FileBytes.Failure(code: errno) }
        } catch {
            unlink(name)
            throw error
        }
    }

    private static func write(
        _ table: borrowing MemberTable, _ key: Key, _ reading: BucketReading?, to file: Int32
    ) throws(FileBytes.Failure) {
        let failure = table.withImage { fingerprints, marks -> FileBytes.Failure? in
            do throws(FileBytes.Failure) {
                var sums =
                    try write(fingerprints, to: file, at: tableOffset)
                    + write(marks, to: file, at: tableOffset + fingerprints.count)
                var end = tableOffset + fingerprints.count + marks.count
                if let reading {
                    sums += try writeBuckets(of: table, reading, to: file, at: end)
                    end += bucketBytes(slots: marks.count, buckets: reading.digests.count)
                }
                // As many zeros as it takes to end with a whole word.
                try write([UInt8](repeating: 0, count: (8 - end % 8) % 8), to: file, at: end)
                let header = [
                    magic, key.proof.high, key.proof.low,
                    UInt64(marks.count) | UInt64(reading?.digests.count ?? 0) << slotBits,
                    UInt64(bitPattern: key.generation), Checksum.of(sums),
                ]
                try write(header + [Checksum.of(header)], to: file, at: 0)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// - Returns: checksums of the chunks.
    static func write(
        _ bytes: UnsafeRawBufferPointer, to file: Int32, at offset: Int
    ) throws(FileBytes.Failure) -> [UInt64] {
        var sums: [UInt64] = []
        for chunk in chunks(bytes.count) {
            let part = UnsafeRawBufferPointer(rebasing: bytes[chunk])
            sums.append(Checksum.of(part))
            try FileBytes.write(part, to: file, at: offset + chunk.lowerBound)
        }
        return sums
    }

    static func write<T>(_ values: [T], to file: Int32, at offset: Int) throws(FileBytes.Failure) {
        let failure = values.withUnsafeBytes { bytes -> FileBytes.Failure? in
            do throws(FileBytes.Failure) {
                try FileBytes.write(bytes, to: file, at: offset)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// Appends what led from one generation to the next.
    ///
    /// - Parameters:
    ///   - digests: of buckets of which another one is known now.
    ///   - size: that the file had when it was loaded. Nothing is done if it has another one now.
    func append(
        _ changes: [Change], digests: [(bucket: Int, digest: BucketDigest)] = [], from old: Int64, to new: Int64,
        size: Int
    ) throws(FileBytes.Failure) {
        let file = open(path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { throw FileBytes.Failure(code: errno) }
        defer { close(file) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0, FileBytes.size(of: file) == size else { return }
        let count = UInt64(changes.count) | UInt64(digests.count) << Self.slotBits
        var words = [count, UInt64(bitPattern: old), UInt64(bitPattern: new), 0]
        words.reserveCapacity(
            Self.blockWords + Self.changeWords * changes.count + Self.digestWords * digests.count)
        for change in changes {
            let state = change.marks.map { UInt64($0.rawValue) | change.bucket.word } ?? 0
            words += [change.fingerprint.high, change.fingerprint.low, state]
        }
        for (bucket, digest) in digests { words += [UInt64(bucket)] + Self.words(of: digest) }
        words[3] = Checksum.of(words[..<3] + words[4...])
        do throws(FileBytes.Failure) {
            try Self.write(words, to: file, at: size)
        } catch {
            ftruncate(file, off_t(size))
            throw error
        }
    }
}
