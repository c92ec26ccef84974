/// Who is on the snapshot and who is in the audience: an open-addressing table of fingerprints with one byte of marks each.
///
/// The home of an entry grows with its hash, so the table is nearly sorted: entries that come in the order of another
/// table, from a file or while it grows, are written from front to back, and a table that grows gives the pages behind it
/// back as it goes. 17 bytes a slot at a load of 8/15 to 4/5: 21 to 32 bytes a member, at no time more. Not thread-safe.
package struct MemberTable: ~Copyable {
    private(set) var fingerprints: PageMemory<Fingerprint>
    var marks: PageMemory<UInt8>
    private(set) var slots: Int
    /// Slots in use, those of removed members too.
    package private(set) var count = 0
    /// Made of what ``warmUp(_:)`` looked at, so that the optimiser lets it look; means nothing.
    package private(set) var warmth: UInt64 = 0

    /// Whether it is counted how often each entry was seen: one byte a slot more from the first entry on that is seen twice.
    package var countsMeetings = false
    /// How often the entry in each slot was seen after the first time, up to 255; empty while none was.
    private var repeats = PageMemory<UInt8>(count: 0)
    private var hasRepeats = false
    /// What goes beyond 255.
    private var manyRepeats: [Fingerprint: Int] = [:]

    /// What is known of the fields of each entry: 24 bytes a slot more, or none.
    private var contents: PageMemory<Content>
    private let keepsContents: Bool

    /// In which bucket of rows each entry's row lies, and what the reading under way has found of that.
    var buckets = PageMemory<UInt32>(count: 0)
    /// Whether it is kept in which bucket the row of each entry lies.
    package internal(set) var keepsBuckets = false

    private static let leastSlots = 64

    /// - Parameters:
    ///   - capacity: how many entries are expected; the table grows by half beyond it.
    ///   - keepsContents: whether the fields of members are kept too.
    package init(capacity: Int = 0, keepsContents: Bool = false) {
        slots = max(MemberTable.leastSlots, capacity * 5 / 4 + 1)
        fingerprints = PageMemory(count: slots)
        marks = PageMemory(count: slots)
        contents = PageMemory(count: keepsContents ? slots : 0)
        self.keepsContents = keepsContents
    }

    /// Adds an entry of the snapshot, or changes what is known of it.
    package mutating func addMember(_ fingerprint: Fingerprint, _ new: Marks) {
        let slot = slotForInsertion(fingerprint)
        let seen = marks.elements[slot] & Marks.seen.rawValue
        marks.elements[slot] = new.rawValue | seen
    }

    /// Adds many entries at once, which hides the time that memory takes to answer. As many marks as fingerprints.
    package mutating func addMembers(_ members: UnsafeBufferPointer<Fingerprint>, _ new: UnsafeBufferPointer<UInt8>) {
        while (count + members.count) * 5 > slots * 4 { grow() }
        warmUp(members)
        for index in 0..<members.count {
            let slot = slotForInsertion(members[index])
            marks.elements[slot] = new[index] | marks.elements[slot] & Marks.seen.rawValue
        }
    }

    /// Makes room for this number of further entries, so that they do not make the table grow.
    package mutating func reserve(_ more: Int) {
        while (count + more) * 5 > slots * 4 { grow() }
    }

    /// How many entries have all of these marks.
    package func count(with wanted: Marks) -> Int {
        var found = 0
        for slot in 0..<slots where marks.elements[slot] & wanted.rawValue == wanted.rawValue { found &+= 1 }
        return found
    }

    /// Takes an entry off the snapshot again; it is then as if it had never been seen. Nothing happens if there is none.
    package mutating func removeMember(_ fingerprint: Fingerprint) {
        guard let slot = slot(of: fingerprint) else { return }
        marks.elements[slot] = Marks.used.rawValue
        if keepsBuckets { buckets.elements[slot] = 0 }
    }

    /// Marks the entry as seen in the audience, if it exists; returns its marks as they were before, nil if there is none.
    package mutating func markSeen(_ fingerprint: Fingerprint) -> Marks? {
        guard let slot = slot(of: fingerprint) else { return nil }
        let before = Marks(rawValue: marks.elements[slot])
        if before.isVoid { return nil }
        if countsMeetings && before.contains(.seen) { countAgain(slot) }
        marks.elements[slot] |= Marks.seen.rawValue
        return before
    }

    @inline(never)
    private mutating func countAgain(_ slot: Int) {
        if !hasRepeats {
            repeats = PageMemory(count: slots)
            hasRepeats = true
        }
        if repeats.elements[slot] < .max {
            repeats.elements[slot] += 1
        } else {
            manyRepeats[fingerprints.elements[slot], default: 0] += 1
        }
    }

    /// How often an entry was seen; 0 if it was not. Only while ``countsMeetings``.
    package func meetings(of fingerprint: Fingerprint) -> Int {
        guard let slot = slot(of: fingerprint), Marks(rawValue: marks.elements[slot]).contains(.seen)
        else { return 0 }
        if !hasRepeats { return 1 }
        return 1 + Int(repeats.elements[slot]) + (manyRepeats[fingerprint] ?? 0)
    }

    /// Takes back that the entry was seen in the audience. Nothing happens if there is none.
    package mutating func unmeet(_ fingerprint: Fingerprint) {
        guard let slot = slot(of: fingerprint) else { return }
        marks.elements[slot] &= ~Marks.seen.rawValue
        if hasRepeats { repeats.elements[slot] = 0 }
        if keepsContents { contents.elements[slot].seen = Content.none }
        manyRepeats[fingerprint] = nil
    }

    /// Meets many rows at once, which hides the time that memory takes to answer.
    ///
    /// - Parameters:
    ///   - except: marks of entries that the fast path leaves undecided.
    ///   - unresolved: gets the place of each row that is not simply on the snapshot: unknown to the table, or with one of
    ///     these marks. The table is as it was before such a row.
    /// - Returns: rows that are on the snapshot and seen for the first time, rows that were seen before, and the others.
    package mutating func markSeen(
        _ rows: UnsafeBufferPointer<Fingerprint>, except: Marks, unresolved: UnsafeMutableBufferPointer<Int32>
    ) -> (unchanged: Int, duplicates: Int, unresolved: Int) {
        warmUp(rows)
        var unchanged = 0
        var duplicates = 0
        var count = 0
        let mask = except.rawValue | Marks.seen.rawValue | Marks.member.rawValue
        for row in 0..<rows.count {
            if let slot = slot(of: rows[row]) {
                let known = marks.elements[slot]
                if known & mask == Marks.member.rawValue {
                    marks.elements[slot] = known | Marks.seen.rawValue
                    unchanged &+= 1
                    continue
                }
                if known & Marks.seen.rawValue != 0 {
                    duplicates &+= 1
                    if countsMeetings { countAgain(slot) }
                    continue
                }
            }
            unresolved[count] = Int32(truncatingIfNeeded: row)
            count &+= 1
        }
        return (unchanged, duplicates, count)
    }

    /// Looks at the home of every row without waiting for one before the next, so that they are in the cache afterwards.
    private mutating func warmUp(_ rows: UnsafeBufferPointer<Fingerprint>) {
        for row in rows {
            let home = home(row)
            warmth &+= UInt64(marks.elements[home]) &+ fingerprints.elements[home].low
        }
    }

    /// Adds an entry seen in the audience that ``markSeen(_:)`` did not find.
    package mutating func addEntered(_ fingerprint: Fingerprint) {
        let slot = slotForInsertion(fingerprint)
        marks.elements[slot] |= Marks([.used, .seen]).rawValue
    }

    /// Notes that a row which cannot be sent has the identifiers of this entry, which is made if it is not there.
    package mutating func addStanding(_ fingerprint: Fingerprint) {
        let slot = slotForInsertion(fingerprint)
        marks.elements[slot] |= Marks([.used, .standing]).rawValue
    }

    /// The marks of an entry; nil if there is none.
    package func lookUp(_ fingerprint: Fingerprint) -> Marks? {
        guard let slot = slot(of: fingerprint) else { return nil }
        let found = Marks(rawValue: marks.elements[slot])
        return found.isVoid ? nil : found
    }

    /// Calls `body` for each entry, nearly in the order of their hashes.
    package func forEach(_ body: (Fingerprint, Marks) throws -> Void) rethrows {
        for slot in 0..<slots {
            let found = Marks(rawValue: marks.elements[slot])
            if !found.isVoid { try body(fingerprints.elements[slot], found) }
        }
    }

    /// Page of the entries that have all of the `wanted` marks, of which `.member` or `.seen` is one, and none of the
    /// `unwanted`, from a place that the previous page gave (0 at first), nearly in the order of their hashes. The place is nil
    /// after the last page.
    package func page(
        from place: Int, limit: Int, with wanted: Marks, without unwanted: Marks = []
    ) -> (entries: [(Fingerprint, Marks)], next: Int?) {
        var entries: [(Fingerprint, Marks)] = []
        let mask = wanted.rawValue | unwanted.rawValue
        var slot = place
        let (masks, wants) = (UInt64(mask) &* Self.eachByte, UInt64(wanted.rawValue) &* Self.eachByte)
        while slot < slots {
            // Few are wanted: most slots are passed over eight at a time.
            if slot &+ 8 <= slots {
                let next = UnsafeRawPointer(marks.elements + slot).loadUnaligned(as: UInt64.self)
                if !Self.hasZeroByte(next & masks ^ wants) {
                    slot &+= 8
                    continue
                }
            }
            for near in slot..<min(slot &+ 8, slots) where marks.elements[near] & mask == wanted.rawValue {
                entries.append((fingerprints.elements[near], Marks(rawValue: marks.elements[near])))
                if entries.count == limit { return (entries, near + 1) }
            }
            slot &+= 8
        }
        return (entries, nil)
    }

    /// One in each byte.
    private static var eachByte: UInt64 { 0x0101_0101_0101_0101 }

    /// A byte that is zero lends its highest bit to the subtraction; a byte that had that bit set before does not count.
    /// The bytes behind a zero byte may be wrong, which does not matter where one is enough.
    @inline(__always)
    private static func hasZeroByte(_ bytes: UInt64) -> Bool {
        (bytes &- eachByte) & ~bytes & (eachByte &* 0x80) != 0
    }

    /// Both halves count, so that people who share one address do not crowd one place.
    @inline(__always)
    private func home(_ fingerprint: Fingerprint) -> Int {
        let hash = (fingerprint.high ^ (fingerprint.low &<< 17 | fingerprint.low &>> 47)) &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(truncatingIfNeeded: slots)).high)
    }

    @inline(__always)
    func next(_ slot: Int) -> Int { slot &+ 1 == slots ? 0 : slot &+ 1 }

    @inline(__always)
    func slot(of fingerprint: Fingerprint) -> Int? {
        var slot = home(fingerprint)
        while marks.elements[slot] != 0 {
            if fingerprints.elements[slot] == fingerprint { return slot }
            slot = next(slot)
        }
        return nil
    }

    private mutating func slotForInsertion(_ fingerprint: Fingerprint) -> Int {
        if (count + 1) * 5 > slots * 4 { grow() }
        var slot = home(fingerprint)
        while marks.elements[slot] != 0 {
            if fingerprints.elements[slot] == fingerprint { return slot }
            slot = next(slot)
        }
        fingerprints.elements[slot] = fingerprint
        count += 1
        return slot
    }

    private mutating func grow() {
        let oldSlots = slots
        slots += slots / 2
        var oldFingerprints = PageMemory<Fingerprint>(count: slots)
        var oldMarks = PageMemory<UInt8>(count: slots)
        swap(&oldFingerprints, &fingerprints)
        swap(&oldMarks, &marks)
        var oldRepeats = PageMemory<UInt8>(count: hasRepeats ? slots : 0)
        swap(&oldRepeats, &repeats)
        var oldContents = PageMemory<Content>(count: keepsContents ? slots : 0)
        swap(&oldContents, &contents)
        var oldBuckets = PageMemory<UInt32>(count: keepsBuckets ? slots : 0)
        swap(&oldBuckets, &buckets)
        var (releasedFingerprints, releasedMarks) = (0, 0)
        for old in 0..<oldSlots {
            let mark = oldMarks.elements[old]
            if mark != 0, Marks(rawValue: mark).isVoid {
                count -= 1
            } else if mark != 0 {
                var slot = home(oldFingerprints.elements[old])
                while marks.elements[slot] != 0 { slot = next(slot) }
                fingerprints.elements[slot] = oldFingerprints.elements[old]
                marks.elements[slot] = mark
                if hasRepeats { repeats.elements[slot] = oldRepeats.elements[old] }
                if keepsContents { contents.elements[slot] = oldContents.elements[old] }
                if keepsBuckets { buckets.elements[slot] = oldBuckets.elements[old] }
            }
            if old & 0xffff == 0xffff {
                oldFingerprints.release(through: old + 1, &releasedFingerprints)
                oldMarks.release(through: old + 1, &releasedMarks)
            }
        }
    }

    // MARK: Contents

    /// What is known of the fields of one entry.
    package struct Content: BitwiseCopyable, Sendable {
        /// Stands for fields that are not known; the hash of none.
        package static let none: Int64 = 0

        /// Hash of the fields that Iterable has acknowledged, or that are in doubt.
        package var acknowledged: Int64
        /// Hash of the fields of the row that was chosen of those that were seen; only of an entry that was.
        package var seen: Int64
        /// Number of the set of fields that the sync may have given a value.
        package var held: UInt32

        package init(acknowledged: Int64 = none, seen: Int64 = none, held: UInt32 = 0) {
            self.acknowledged = acknowledged
            self.seen = seen
            self.held = held
        }
    }

    /// As ``addMember(_:_:)``, with what is known of the member's fields. Only of a table that keeps contents.
    package mutating func addMember(_ fingerprint: Fingerprint, _ new: Marks, _ content: Content) {
        addMember(fingerprint, new)
        if let slot = slot(of: fingerprint), keepsContents { contents.elements[slot] = content }
    }

    /// What is known of the fields of an entry; nothing, where there is none or the table keeps no contents.
    package func content(of fingerprint: Fingerprint) -> Content {
        guard keepsContents, let slot = slot(of: fingerprint) else { return Content() }
        return contents.elements[slot]
    }

    /// Notes which fields a row has that was chosen for an entry.
    package mutating func choose(_ content: Int64, for fingerprint: Fingerprint) {
        guard keepsContents, let slot = slot(of: fingerprint) else { return }
        contents.elements[slot].seen = content
    }

    // MARK: Image

    /// The table as it lies in memory: what a file needs to hold to be a table again. Another layout or another home of an
    /// entry needs another ``imageVersion``.
    package static let imageVersion: UInt64 = 1

    /// Calls `body` with the slots' fingerprints, 16 bytes each in this machine's order of bytes, and their marks, one byte each.
    package func withImage<R>(
        _ body: (_ fingerprints: UnsafeRawBufferPointer, _ marks: UnsafeRawBufferPointer) throws -> R
    ) rethrows -> R {
        try body(
            UnsafeRawBufferPointer(start: fingerprints.elements, count: slots * MemoryLayout<Fingerprint>.stride),
            UnsafeRawBufferPointer(start: marks.elements, count: slots))
    }

    /// A table from its image, which `fill` puts in place, as ``withImage(_:)`` gave it. nil when it returns false.
    package init?(
        slots: Int,
        fill: (_ fingerprints: UnsafeMutableRawBufferPointer, _ marks: UnsafeMutableRawBufferPointer) throws -> Bool
    ) rethrows {
        self.slots = slots
        fingerprints = PageMemory(count: slots)
        marks = PageMemory(count: slots)
        contents = PageMemory(count: 0)
        keepsContents = false
        let isWhole = try fill(
            UnsafeMutableRawBufferPointer(
                start: fingerprints.elements, count: slots * MemoryLayout<Fingerprint>.stride),
            UnsafeMutableRawBufferPointer(start: marks.elements, count: slots))
        guard isWhole else { return nil }
        for slot in 0..<slots where marks.elements[slot] != 0 { count &+= 1 }
    }
}
