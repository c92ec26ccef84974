/// In which bucket of rows (``RowGrouping``) the row of an entry lies: 4 bytes a slot more, once they are kept.
///
/// An entry has a bucket only while exactly one row has its identifiers, and that row's bucket is known. So a bucket with as many
/// entries as rows has no row without a member, and none that two entries or two rows share.
extension MemberTable {
    /// Of a word: the bucket's number plus one; 0: no bucket is known.
    private static var numberMask: UInt32 { 0xff_ffff }
    /// The bucket is another one than before this reading.
    private static var moved: UInt32 { 1 << 30 }
    /// The row was met in this reading, or its bucket was passed over.
    private static var met: UInt32 { 1 << 31 }

    /// Begins to keep buckets; none is known yet.
    package mutating func keepBuckets() {
        buckets = PageMemory(count: slots)
        keepsBuckets = true
    }

    /// The bucket of an entry; nil: none is known.
    package func bucket(of fingerprint: Fingerprint) -> Int? {
        guard keepsBuckets, let slot = slot(of: fingerprint) else { return nil }
        let number = Int(buckets.elements[slot] & Self.numberMask)
        return number == 0 ? nil : number - 1
    }

    /// Notes the bucket of an entry, which is there; nil: it has none.
    package mutating func setBucket(_ bucket: Int?, of fingerprint: Fingerprint) {
        guard keepsBuckets, let slot = slot(of: fingerprint) else { return }
        buckets.elements[slot] = UInt32(truncatingIfNeeded: bucket.map { $0 + 1 } ?? 0)
    }

    // MARK: A reading

    /// How many members that are not rejected and not in doubt each bucket has.
    package func acknowledgedMembers(buckets count: Int) -> [Int64] {
        var found = [Int64](repeating: 0, count: count)
        guard keepsBuckets else { return found }
        let mask = Marks([.member, .rejected, .inDoubt]).rawValue
        for slot in 0..<slots where marks.elements[slot] & mask == Marks.member.rawValue {
            let number = Int(buckets.elements[slot] & Self.numberMask)
            if number > 0, number <= count { found[number - 1] &+= 1 }
        }
        return found
    }

    /// Marks every member whose bucket is passed over as seen, as its row would have done. Only before the first row.
    package mutating func passOver(_ isPassedOver: (_ bucket: Int) -> Bool) {
        for slot in 0..<slots where marks.elements[slot] & Marks.member.rawValue != 0 {
            let number = Int(buckets.elements[slot] & Self.numberMask)
            guard number > 0, isPassedOver(number - 1) else { continue }
            marks.elements[slot] |= Marks.seen.rawValue
            buckets.elements[slot] |= Self.met
        }
    }

    /// Notes in which buckets rows lie that were compared; as many buckets as rows. Rows of which there is no entry leave no trace.
    package mutating func noteBuckets(
        _ rows: UnsafeBufferPointer<Fingerprint>, _ numbers: UnsafePointer<UInt32>
    ) {
        for row in 0..<rows.count {
            guard let slot = slot(of: rows[row]) else { continue }
            let known = buckets.elements[slot]
            let number = numbers[row] &+ 1
            if known & Self.met != 0 {
                // Of several rows with the same identifiers none is alone.
                buckets.elements[slot] = Self.met | Self.moved
            } else if known & Self.numberMask == number {
                buckets.elements[slot] = known | Self.met
            } else {
                buckets.elements[slot] = number | Self.met | Self.moved
            }
        }
    }

    /// Ends a reading: entries whose rows were not met, or that share an identifier, have no bucket. Calls `changed` for
    /// each entry of which something else is known now than before the reading.
    package mutating func endReading(_ changed: (Fingerprint, Marks, _ bucket: Int?) -> Void) {
        for slot in 0..<slots where marks.elements[slot] != 0 {
            let known = buckets.elements[slot]
            if known == 0 { continue }
            var number = known & Self.numberMask
            var isChanged = known & Self.moved != 0
            let found = Marks(rawValue: marks.elements[slot])
            let isAlone = known & Self.met != 0 && found.contains(.seen) && !found.contains(.sharing)
            if !isAlone, number != 0 {
                number = 0
                isChanged = true
            }
            buckets.elements[slot] = number
            if isChanged { changed(fingerprints.elements[slot], found, number == 0 ? nil : Int(number) - 1) }
        }
    }

    /// Leaves the members with what the snapshot says of them, and nothing of the audience: no marks, and no other entries.
    package mutating func forgetAudience() {
        let kept = Marks([.used, .member, .listed, .rejected, .inDoubt]).rawValue
        for slot in 0..<slots where marks.elements[slot] != 0 {
            if marks.elements[slot] & Marks.member.rawValue != 0 {
                marks.elements[slot] &= kept
            } else {
                marks.elements[slot] = Marks.used.rawValue
                if keepsBuckets { buckets.elements[slot] = 0 }
            }
        }
    }

    /// Takes every member off the snapshot, which is to be read again; what is known of their buckets stays, also while the table grows.
    /// Whoever is not added again is cleared by ``forgetAudience()``.
    package mutating func forgetMembers() {
        let kept = Marks([.used, .seen]).rawValue
        for slot in 0..<slots where marks.elements[slot] != 0 { marks.elements[slot] = kept }
    }

    // MARK: Image

    /// Calls `body` with the slots' buckets, four bytes each in this machine's order; none where they are not kept.
    package func withBucketImage<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(start: buckets.elements, count: keepsBuckets ? 4 * slots : 0))
    }

    /// Keeps buckets from now on, as ``withBucketImage(_:)`` gave them, which `fill` puts in place.
    /// - Returns: what `fill` returns.
    package mutating func fillBuckets(_ fill: (UnsafeMutableRawBufferPointer) throws -> Bool) rethrows -> Bool {
        keepBuckets()
        return try fill(UnsafeMutableRawBufferPointer(start: buckets.elements, count: 4 * slots))
    }
}
