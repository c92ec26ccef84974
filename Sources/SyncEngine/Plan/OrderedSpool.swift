import RollcallCore

/// Puts the changes of a large plan into the order of their fingerprints, in bounded memory.
///
/// The snapshot is indexed by fingerprint. Changes in any other order touch it all over, one page for each; in this order
/// they walk through it once. Small plans are left as they are.
enum OrderedSpool {
    /// The parts that are sorted one by one: a part of the changes of ten million people takes ten megabytes.
    private static let parts = 64
    private static let partSpillBytes = 32 << 10
    /// Kind, fingerprint and the email's length.
    private static let headBytes = 21

    /// `spool` with its entries (as ``PlanSpool`` writes them) ordered by fingerprint; itself if it fits into memory.
    /// - Parameter values: how many values follow the fingerprint of each, every one with its length before it.
    static func order(_ spool: Spool, values: Int = 2) throws -> Spool {
        guard spool.isSpilled else { return spool }
        var parts = try split(spool, values)
        let ordered = Spool()
        for index in parts.indices {
            try sort(parts[index], values, into: ordered)
            // Its temporary file goes.
            parts[index] = Spool()
        }
        return ordered
    }

    /// The entries by the first bits of their fingerprints, which are evenly spread as hashes are.
    private static func split(_ spool: Spool, _ values: Int) throws -> [Spool] {
        let parts = (0..<parts).map { _ in Spool(spillBytes: partSpillBytes) }
        let reader = spool.makeReader()
        while try !reader.isAtEnd() {
            let size = try entrySize(reader, values)
            let part = try reader.take(size) { entry in
                let part = parts[Int(fingerprint(entry, at: 0).high >> 58)]
                part.append(raw: entry)
                return part
            }
            try part.endRecord()
        }
        return parts
    }

    private static func entrySize(_ reader: Spool.Reader, _ values: Int) throws -> Int {
        var size = try headBytes + reader.peek(headBytes) { Spool.length($0, at: headBytes - 4) ?? 0 }
        for _ in 1..<values { size = try size + 4 + reader.peek(size + 4) { Spool.length($0, at: size) ?? 0 } }
        return size
    }

    private static func fingerprint(_ bytes: UnsafeRawBufferPointer, at place: Int) -> Fingerprint {
        Fingerprint(
            high: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place + 1, as: UInt64.self)),
            low: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place + 9, as: UInt64.self)))
    }

    private struct Place {
        var fingerprint: Fingerprint
        var start: Int
        var size: Int

        /// As `(fingerprint, start) < (other.fingerprint, other.start)`, which would call `<` of another module for each pair.
        func precedes(_ other: Place) -> Bool {
            if fingerprint.high != other.fingerprint.high { return fingerprint.high < other.fingerprint.high }
            if fingerprint.low != other.fingerprint.low { return fingerprint.low < other.fingerprint.low }
            return start < other.start
        }
    }

    private static func sort(_ part: Spool, _ values: Int, into ordered: Spool) throws {
        let size = part.byteCount
        try part.makeReader().peek(size) { bytes in
            var places: [Place] = []
            var start = 0
            while start < size {
                var end = start + headBytes + (Spool.length(bytes, at: start + headBytes - 4) ?? 0)
                for _ in 1..<values { end += 4 + (Spool.length(bytes, at: end) ?? 0) }
                places.append(Place(fingerprint: fingerprint(bytes, at: start), start: start, size: end - start))
                start = end
            }
            places.sort { $0.precedes($1) }
            for place in places {
                ordered.append(raw: UnsafeRawBufferPointer(rebasing: bytes[place.start..<place.start + place.size]))
                try ordered.endRecord()
            }
        }
    }
}
