/// Identifiers that several entries carry: an equal half of two fingerprints (hybrid projects).
extension MemberTable {
    /// Marks every entry that has an equal `high` (shared email) or an equal `low` (shared userId) with another one,
    /// and returns how many there are. Needs 5 to 8 bytes an entry more while it works.
    package mutating func markSharing() -> Int {
        markEqual { $0.high }
        markEqual { $0.low }
        return count(with: .sharing)
    }

    /// Marks the sharing entries once more, after entries were unmet: those that share an identifier, and those for which
    /// `isShared` says so all the same.
    package mutating func markSharingAgain(also isShared: (Fingerprint) -> Bool) {
        for slot in 0..<slots { marks.elements[slot] &= ~Marks.sharing.rawValue }
        _ = markSharing()
        for slot in 0..<slots where !Marks(rawValue: marks.elements[slot]).isVoid {
            if isShared(fingerprints.elements[slot]) { marks.elements[slot] |= Marks.sharing.rawValue }
        }
    }

    /// An index of the first entry with each half: every later one with the same half finds it at once, however many
    /// people share one address.
    private mutating func markEqual(_ half: (Fingerprint) -> UInt64) {
        let index = PageMemory<UInt32>(count: slots)  // slot + 1
        for slot in 0..<slots where !Marks(rawValue: marks.elements[slot]).isVoid {
            let value = half(fingerprints.elements[slot])
            var place = Int(truncatingIfNeeded: value.multipliedFullWidth(by: UInt64(slots)).high)
            while index.elements[place] != 0 {
                let other = Int(index.elements[place]) - 1
                if half(fingerprints.elements[other]) == value {
                    marks.elements[other] |= Marks.sharing.rawValue
                    marks.elements[slot] |= Marks.sharing.rawValue
                    break
                }
                place = next(place)
            }
            if index.elements[place] == 0 { index.elements[place] = UInt32(truncatingIfNeeded: slot + 1) }
        }
    }

    /// Halves that more than `limit` entries seen in the audience carry, each with the number of these entries; call after
    /// ``markSharing()``. An entry with this identifier alone counts too. Needs 16 bytes for each sharing entry while it works.
    package func crowdedHalves(moreThan limit: Int) -> (emails: [UInt64: Int], userIDs: [UInt64: Int]) {
        let sharing = count(with: [.seen, .sharing])
        if sharing <= limit { return ([:], [:]) }
        return (crowded(limit, sharing) { $0.high }, crowded(limit, sharing) { $0.low })
    }

    /// The index has the slot, plus one, of the first entry with each half in its lower bits, and above it how many there are.
    private func crowded(_ limit: Int, _ sharing: Int, _ half: (Fingerprint) -> UInt64) -> [UInt64:
        Int]
    {
        let wanted = Marks([.seen, .sharing]).rawValue
        let capacity = 2 * sharing + 1
        let index = PageMemory<UInt64>(count: capacity)
        var found: [UInt64: Int] = [:]
        for slot in 0..<slots where marks.elements[slot] & wanted == wanted {
            let value = half(fingerprints.elements[slot])
            var place = Int(truncatingIfNeeded: value.multipliedFullWidth(by: UInt64(capacity)).high)
            while index.elements[place] != 0,
                half(fingerprints.elements[Int(index.elements[place] & 0xffff_ffff) - 1]) != value
            {
                place = place + 1 == capacity ? 0 : place + 1
            }
            if index.elements[place] == 0 { index.elements[place] = UInt64(slot + 1) }
            index.elements[place] += 1 << 32
            let count = Int(index.elements[place] >> 32)
            if count > limit { found[value] = count }
        }
        return found
    }
}
