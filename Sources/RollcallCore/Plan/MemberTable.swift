/// Who is on the snapshot and who is in the audience: an open-addressing table of fingerprints with one byte of marks each.
///
/// 17 bytes a slot at a load of at most 3/4: 23 to 46 bytes a member. Not thread-safe: one reader fills it, then one
/// planner looks at it.
public struct MemberTable: ~Copyable {
    /// What is known of one fingerprint. Never zero for a slot in use.
    public struct Marks: OptionSet, Sendable {
        public let rawValue: UInt8
        @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The slot is in use.
        public static let used = Marks(rawValue: 1)
        /// On the snapshot, in any state.
        public static let member = Marks(rawValue: 2)
        /// Met in the audience.
        public static let seen = Marks(rawValue: 4)
        /// May be on the list because of this sync.
        public static let listed = Marks(rawValue: 8)
        /// Iterable refuses the person for good.
        public static let rejected = Marks(rawValue: 16)
        /// The last request about the person got no answer.
        public static let unsettled = Marks(rawValue: 32)
        /// Shares an identifier with another entry (hybrid projects).
        public static let sharing = Marks(rawValue: 64)
    }

    private var fingerprints: UnsafeMutablePointer<Fingerprint>
    private var marks: UnsafeMutablePointer<UInt8>
    private var mask: Int
    /// Entries in use.
    public private(set) var count = 0

    /// - Parameter capacity: how many entries are expected; the table grows by doubling beyond it.
    public init(capacity: Int = 1024) {
        var slots = 1024
        while slots * 3 / 4 < capacity { slots *= 2 }
        (fingerprints, marks) = MemberTable.allocate(slots)
        mask = slots - 1
    }

    deinit {
        fingerprints.deallocate()
        marks.deallocate()
    }

    private static func allocate(_ slots: Int) -> (UnsafeMutablePointer<Fingerprint>, UnsafeMutablePointer<UInt8>) {
        let marks = UnsafeMutablePointer<UInt8>.allocate(capacity: slots)
        marks.initialize(repeating: 0, count: slots)
        return (.allocate(capacity: slots), marks)
    }

    /// Adds an entry of the snapshot.
    public mutating func addMember(_ fingerprint: Fingerprint, state: MemberState, listed: Bool) {
        var new: Marks = [.used, .member]
        if listed { new.insert(.listed) }
        switch state {
        case .subscribed: break
        case .subscribing, .unsubscribing: new.insert(.unsettled)
        case .rejected: new.insert(.rejected)
        }
        let slot = slotForInsertion(fingerprint)
        marks[slot] |= new.rawValue
    }

    /// Marks the entry as met in the audience, if it exists; returns its marks as they were before, nil if there is none.
    public mutating func meet(_ fingerprint: Fingerprint) -> Marks? {
        var slot = home(fingerprint)
        while marks[slot] != 0 {
            if fingerprints[slot] == fingerprint {
                let before = Marks(rawValue: marks[slot])
                marks[slot] |= Marks.seen.rawValue
                return before
            }
            slot = (slot &+ 1) & mask
        }
        return nil
    }

    /// Adds an entry met in the audience that ``meet(_:)`` did not find.
    public mutating func addEntered(_ fingerprint: Fingerprint) {
        let slot = slotForInsertion(fingerprint)
        marks[slot] |= Marks([.used, .seen]).rawValue
    }

    /// The marks of an entry; nil if there is none.
    public func lookUp(_ fingerprint: Fingerprint) -> Marks? {
        var slot = home(fingerprint)
        while marks[slot] != 0 {
            if fingerprints[slot] == fingerprint { return Marks(rawValue: marks[slot]) }
            slot = (slot &+ 1) & mask
        }
        return nil
    }

    /// Calls `body` for each entry, in no particular order that depends on anything but the fingerprints.
    public func forEach(_ body: (Fingerprint, Marks) throws -> Void) rethrows {
        for slot in 0...mask where marks[slot] != 0 {
            try body(fingerprints[slot], Marks(rawValue: marks[slot]))
        }
    }

    /// Page of the entries for which `isWanted` holds, from a place that the previous page gave (0 at first).
    /// The place is nil after the last page. Gives entries in an order that depends on fingerprints alone.
    public func page(
        from place: Int, limit: Int, where isWanted: (Marks) -> Bool
    ) -> (entries: [(Fingerprint, Marks)], next: Int?) {
        var entries: [(Fingerprint, Marks)] = []
        var slot = place
        while slot <= mask {
            if marks[slot] != 0 && isWanted(Marks(rawValue: marks[slot])) {
                entries.append((fingerprints[slot], Marks(rawValue: marks[slot])))
                if entries.count == limit { return (entries, slot + 1) }
            }
            slot += 1
        }
        return (entries, nil)
    }

    /// Both halves count, so that people who share one address do not crowd one place.
    @inline(__always)
    private func home(_ fingerprint: Fingerprint) -> Int {
        Int(truncatingIfNeeded: fingerprint.high ^ (fingerprint.low &<< 17 | fingerprint.low &>> 47)) & mask
    }

    private mutating func slotForInsertion(_ fingerprint: Fingerprint) -> Int {
        if (count + 1) * 4 > (mask + 1) * 3 { grow() }
        var slot = home(fingerprint)
        while marks[slot] != 0 {
            if fingerprints[slot] == fingerprint { return slot }
            slot = (slot &+ 1) & mask
        }
        fingerprints[slot] = fingerprint
        count += 1
        return slot
    }

    private mutating func grow() {
        let (oldFingerprints, oldMarks, oldMask) = (fingerprints, marks, mask)
        (fingerprints, marks) = MemberTable.allocate((oldMask + 1) * 2)
        mask = (oldMask + 1) * 2 - 1
        for old in 0...oldMask where oldMarks[old] != 0 {
            var slot = home(oldFingerprints[old])
            while marks[slot] != 0 { slot = (slot &+ 1) & mask }
            fingerprints[slot] = oldFingerprints[old]
            marks[slot] = oldMarks[old]
        }
        oldFingerprints.deallocate()
        oldMarks.deallocate()
    }

    // MARK: Shared identifiers

    /// Marks every entry that has an equal `high` (shared email) or an equal `low` (shared userId) with another one,
    /// and returns how many there are. Needs 4 to 8 bytes an entry more while it works.
    public mutating func markSharing() -> Int {
        markEqual { $0.high }
        markEqual { $0.low }
        var sharing = 0
        for slot in 0...mask where marks[slot] & Marks.sharing.rawValue != 0 { sharing += 1 }
        return sharing
    }

    /// An index of the first entry with each half: every later one with the same half finds it at once, however many
    /// people share one address.
    private func markEqual(_ half: (Fingerprint) -> UInt64) {
        let index = UnsafeMutablePointer<UInt32>.allocate(capacity: mask + 1)
        defer { index.deallocate() }
        index.initialize(repeating: .max, count: mask + 1)
        for slot in 0...mask where marks[slot] != 0 {
            let value = half(fingerprints[slot])
            var place = Int(truncatingIfNeeded: value) & mask
            while index[place] != .max {
                if half(fingerprints[Int(index[place])]) == value {
                    marks[Int(index[place])] |= Marks.sharing.rawValue
                    marks[slot] |= Marks.sharing.rawValue
                    break
                }
                place = (place + 1) & mask
            }
            if index[place] == .max { index[place] = UInt32(truncatingIfNeeded: slot) }
        }
    }
}
