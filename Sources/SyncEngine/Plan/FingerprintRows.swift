import CMemory
import RollcallCore

/// Values of one size by fingerprint, numbered from 0 in the order in which they were added.
///
/// The entries lie one after the other in blocks that never move, and an index of four bytes a slot, at a load of 7/10 to 7/8,
/// has their numbers. So an entry needs 16 bytes and those of its value, and 5 to 6 more, at no time more; and those that are
/// looked up in the order in which they were added are found where the last one was. Nothing is ever taken out: what is
/// gone is for the values to say.
struct FingerprintRows<Value: BitwiseCopyable & Sendable>: Sendable {
    private struct Entry {
        let key: PackedFingerprint
        var value: Value
    }

    private var blocks: [ContiguousArray<Entry>] = []
    /// Of each slot the number of its entry plus one, in the bits of ``numberMask``, and in the others as many of its hash, so that
    /// another entry is looked at hardly ever; 0: none.
    private var index = ContiguousArray<UInt32>(repeating: 0, count: 64)
    private var numberMask: UInt32 = 63
    private(set) var count = 0

    private static var blockShift: Int { 13 }
    private static var blockSize: Int { 1 << blockShift }

    /// Asks for the memory in which a fingerprint will be looked up: a table of millions is in no cache of the processor, and whoever has
    /// something else to do until then need not wait for it.
    func prefetch(_ fingerprint: Fingerprint) {
        let slot = slot(Self.hash(fingerprint))
        index.withUnsafeBufferPointer { memory_prefetch($0.baseAddress.map { $0 + slot }) }
    }

    /// The number of a fingerprint; nil: it was not added.
    func number(of fingerprint: Fingerprint) -> Int? { find(fingerprint).number }

    /// The number of a fingerprint, which gets a value if it has none.
    mutating func number(adding fingerprint: Fingerprint, _ value: @autoclosure () -> Value) -> Int {
        var place = find(fingerprint)
        if let number = place.number { return number }
        if (count + 1) * 8 > index.count * 7 {
            grow()
            place = find(fingerprint)
        }
        if count == blocks.count << Self.blockShift {
            blocks.append([])
            // Small tables stay small.
            if blocks.count > 1 { blocks[blocks.count - 1].reserveCapacity(Self.blockSize) }
        }
        blocks[blocks.count - 1].append(Entry(key: PackedFingerprint(fingerprint), value: value()))
        count += 1
        index[place.slot] = place.mark | UInt32(count)
        return count - 1
    }

    subscript(number: Int) -> Value {
        get { entry(number).value }
        set { blocks[number >> Self.blockShift][number & (Self.blockSize - 1)].value = newValue }
    }

    func fingerprint(_ number: Int) -> Fingerprint { entry(number).key.fingerprint }

    private func entry(_ number: Int) -> Entry {
        blocks[number >> Self.blockShift][number & (Self.blockSize - 1)]
    }

    // MARK: Index

    /// Where a fingerprint is, or would be added.
    private struct Place {
        var slot: Int
        /// The bits of its hash, beside those of the number.
        let mark: UInt32
        var number: Int?
    }

    private static func hash(_ fingerprint: Fingerprint) -> UInt64 {
        // Both halves count: of some fingerprints one half is that of an identifier which many have.
        (fingerprint.high ^ (fingerprint.low &<< 17 | fingerprint.low &>> 47)) &* 0x9e37_79b9_7f4a_7c15
    }

    /// Where the search for a fingerprint with this hash begins.
    private func slot(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(truncatingIfNeeded: index.count)).high)
    }

    private func find(_ fingerprint: Fingerprint) -> Place {
        let hash = Self.hash(fingerprint)
        var place = Place(slot: slot(hash), mark: UInt32(truncatingIfNeeded: hash) & ~numberMask)
        while index[place.slot] != 0 {
            let found = index[place.slot]
            if found & ~numberMask == place.mark {
                let number = Int(found & numberMask) - 1
                if entry(number).key.fingerprint == fingerprint {
                    place.number = number
                    return place
                }
            }
            place.slot = place.slot + 1 == index.count ? 0 : place.slot + 1
        }
        return place
    }

    private mutating func grow() {
        let slots = index.count + index.count / 4
        while Int(numberMask) < slots { numberMask = numberMask << 1 | 1 }
        // Given back before the next one is there.
        index = []
        index = ContiguousArray(repeating: 0, count: slots)
        for number in 0..<count {
            let ahead = number + 16
            if ahead < count { prefetch(fingerprint(ahead)) }
            let place = find(fingerprint(number))
            index[place.slot] = place.mark | UInt32(number + 1)
        }
    }
}

/// 64 bits that may lie at any multiple of four bytes, so that what has four bytes beside them needs no padding.
struct Word: BitwiseCopyable, Sendable {
    private let lower: UInt32
    private let upper: UInt32

    init(_ bits: UInt64) {
        lower = UInt32(truncatingIfNeeded: bits)
        upper = UInt32(truncatingIfNeeded: bits >> 32)
    }

    init(_ number: Int64) { self.init(UInt64(bitPattern: number)) }

    var bits: UInt64 { UInt64(upper) << 32 | UInt64(lower) }
    var number: Int64 { Int64(bitPattern: bits) }
}

/// A fingerprint that may lie at any multiple of four bytes.
struct PackedFingerprint: BitwiseCopyable, Sendable {
    private let high: Word
    private let low: Word

    init(_ fingerprint: Fingerprint) { (high, low) = (Word(fingerprint.high), Word(fingerprint.low)) }

    var fingerprint: Fingerprint { Fingerprint(high: high.bits, low: low.bits) }
}
