import Foundation
import RollcallCore

/// A file that holds what is known of the rows of one sync of users or of a catalog (``KnownRows``), beside the ``SnapshotFile``s of
/// lists.
///
/// A header, then the digests of the buckets, the sets of empty units, and the rows; all of it words of eight bytes in this machine's
/// order. The file is written whole. Whatever is not as it should be makes it worth nothing, and all rows are read.
struct KnownRowsFile {
    private static let magic: UInt64 = 0x0a31_5357_4f52_4c4c
    private static let headerWords = 11
    private static let digestWords = 3

    let path: String
    /// Of the sync and its key; see ``SnapshotCache/rows(sync:key:)``.
    let proof: Fingerprint

    /// Bytes of the file; nil where there is none.
    var size: Int? { SnapshotFile(path: path).size }

    /// About how many bytes the file of these rows has.
    static func size(of rows: KnownRows) -> Int { 8 * (digestWords * rows.reading.digests.count + rows.words.count) }

    // MARK: Reading

    /// What is known, if the file is whole and of this sync; nil otherwise.
    func load() -> KnownRows? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        guard let size = FileBytes.size(of: file), let words = SnapshotFile.words(Self.headerWords, file, 0),
            let header = Header(words, proof), header.fits(size)
        else { return nil }
        let start = 8 * Self.headerWords
        let middle = Self.digestWords * header.buckets + header.emptyWords
        guard let first = SnapshotFile.words(middle, file, start),
            let rows = SnapshotFile.words(header.rowWords, file, start + 8 * middle),
            Checksum.of([Checksum.of(first), Checksum.of(rows)]) == header.checksum
        else { return nil }
        let digests = stride(from: 0, to: Self.digestWords * header.buckets, by: Self.digestWords).map {
            SnapshotFile.digest(first[$0..<$0 + Self.digestWords])
        }
        return KnownRows(
            reading: BucketReading(proof: header.reading, digests: digests), parts: header.parts,
            emptyWords: first[(Self.digestWords * header.buckets)...], words: rows)
    }

    private struct Header {
        let reading: Fingerprint
        let buckets: Int
        let emptyWords: Int
        let rowWords: Int
        let parts: KnownRows.Parts
        let checksum: UInt64

        init?(_ words: [UInt64], _ proof: Fingerprint) {
            guard words[0] == KnownRowsFile.magic, words[10] == Checksum.of(words[..<10]),
                words[1] == proof.high, words[2] == proof.low, words[5] <= UInt64(RowGrouping.mostBuckets),
                max(words[6], words[7]) < UInt64(UInt32.max) << 16
            else { return nil }
            reading = Fingerprint(high: words[3], low: words[4])
            (buckets, emptyWords, rowWords) = (Int(words[5]), Int(words[6]), Int(words[7]))
            parts = KnownRows.Parts(rawValue: words[8])
            checksum = words[9]
        }

        func fits(_ size: Int) -> Bool {
            size == 8 * (KnownRowsFile.headerWords + KnownRowsFile.digestWords * buckets + emptyWords + rowWords)
        }
    }

    // MARK: Writing

    /// Replaces the file; the old one stays until the new one is complete.
    func save(_ rows: KnownRows) throws(FileBytes.Failure) {
        let (file, name) = try FileBytes.makeTemporary(path + ".")
        defer { close(file) }
        do throws(FileBytes.Failure) {
            try write(rows, to: file)
            guard rename(name, path) == 0 else { throw FileBytes.Failure(code: errno) }
        } catch {
            unlink(name)
            throw error
        }
    }

    private func write(_ rows: KnownRows, to file: Int32) throws(FileBytes.Failure) {
        let empty = rows.emptyWords
        let first = rows.reading.digests.flatMap(SnapshotFile.words(of:)) + empty
        let header = [
            Self.magic, proof.high, proof.low, rows.reading.proof.high, rows.reading.proof.low,
            UInt64(rows.reading.digests.count), UInt64(empty.count), UInt64(rows.words.count), rows.parts.rawValue,
            Checksum.of([Checksum.of(first), Checksum.of(rows.words)]),
        ]
        try SnapshotFile.write(header + [Checksum.of(header)] + first, to: file, at: 0)
        try SnapshotFile.write(rows.words, to: file, at: 8 * (Self.headerWords + first.count))
    }
}
