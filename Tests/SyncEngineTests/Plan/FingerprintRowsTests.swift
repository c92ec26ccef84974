import RollcallCore
import SeededRandom
import Testing
import Warehouse

@testable import SyncEngine

@Suite struct FingerprintRowsTests {
    /// Beside a dictionary, over many blocks and growths of the index. One half of some fingerprints is the same, as that of
    /// persons with one address may be.
    @Test func holdsWhatADictionaryHolds() {
        var random = SeededGenerator(seed: 3)
        var rows = FingerprintRows<UInt32>()
        var model: [Fingerprint: UInt32] = [:]
        var order: [Fingerprint] = []
        for _ in 0..<60_000 {
            let isNew = order.isEmpty || random.next() % 3 > 0
            let half = random.next()
            let fingerprint =
                isNew
                ? Fingerprint(high: half % 5 == 0 ? 7 : half, low: random.next())
                : order[Int(half % UInt64(order.count))]
            let value = UInt32(truncatingIfNeeded: random.next())
            let number = rows.number(adding: fingerprint, value)
            if model[fingerprint] == nil {
                #expect(number == order.count && rows[number] == value)
                order.append(fingerprint)
            }
            rows[number] = value
            model[fingerprint] = value
        }
        #expect(rows.count == model.count)
        for (number, fingerprint) in order.enumerated() {
            #expect(rows.number(of: fingerprint) == number && rows.fingerprint(number) == fingerprint)
            #expect(rows[number] == model[fingerprint])
        }
        for _ in 0..<1000 { #expect(rows.number(of: Fingerprint(high: random.next(), low: 1)) == nil) }
    }
}

@Suite struct RecordTableTests {
    private static let first = Fingerprint(high: 1, low: 2)
    private static let second = Fingerprint(high: 3, low: 4)

    /// An entry with a row that says something else than was acknowledged, one of a record that is not known, and one whose row
    /// says the same: each is what it was set to, and without its row once that is forgotten.
    @Test(arguments: [nil, Int64(5)])
    func keepsWhatIsAcknowledgedApartFromWhatRowsSay(rank: Int64?) {
        var table = RecordTable()
        [UInt8(3)].withUnsafeBytes { held in
            table.acknowledge(
                KnownContent(fingerprint: Self.first, state: .subscribed, listed: true, content: 10, held: held))
        }
        #expect(table.count == 1 && table.ownedCount == 1 && table.gone == [Self.first])
        for content: Int64 in [10, 11] {
            var known = table[Self.first]
            (known.seen, known.rank) = (content, rank)
            known.marks.insert(.seen)
            table[Self.first] = known
            #expect(table[Self.first].acknowledged == 10 && table[Self.first].seen == content)
            #expect(table[Self.first].rank == rank && table.held(table[Self.first]) == FieldBits(bytes: [3]))
        }
        let number = table.number(adding: Self.second)
        #expect(table.count == 1 && table[number].marks.isEmpty && table.fingerprint(number) == Self.second)
        var new = table[number]
        (new.seen, new.rank) = (12, rank)
        new.marks.insert(.seen)
        table[number] = new
        #expect(table[Self.second].seen == 12 && table[Self.second].acknowledged == 0 && table.count == 2)
        #expect(table.gone.isEmpty)
        table.forgetRows()
        #expect(table.count == 1 && table[Self.first].seen == 0 && table[Self.first].rank == nil)
        #expect(table[Self.first].acknowledged == 10 && table.gone == [Self.first])
        #expect(table[Self.second].marks.isEmpty && table[Self.second].rank == nil)
        for held in [0, 1, 2_097_151, 2_097_152, UInt32.max, 5] {
            table[Self.first].held = held
            #expect(table[Self.first].held == held && table[Self.first].acknowledged == 10)
        }
        table.remove(Self.first)
        #expect(table.count == 0 && table.gone.isEmpty && table.ownedCount == 0)
    }
}

@Suite struct EventTableTests {
    @Test func givesBackWhatWasPutIn() {
        var table = EventTable()
        var entries: [Fingerprint: EventTable.Entry] = [:]
        let states: [EventState?] = [nil] + EventState.allCases
        for number in 0..<1000 {
            let bits = number / states.count
            let entry = EventTable.Entry(
                state: states[number % states.count], content: bits & 1 == 0 ? nil : Int64(number) - 500,
                position: bits & 2 == 0 ? nil : -Int64(number), isSeen: bits & 4 != 0, isTaken: bits & 8 != 0,
                isSent: bits & 16 != 0, isUnchanged: bits & 32 != 0, isSkipped: bits & 64 != 0,
                isUncounted: bits & 128 != 0)
            let key = Fingerprint(high: UInt64(number), low: 1)
            #expect(!table.has(key))
            (entries[key], table[key]) = (entry, entry)
        }
        for (key, entry) in entries { #expect("\(table[key])" == "\(entry)" && table.has(key)) }
        #expect(table[Fingerprint(high: 0, low: 0)].state == nil && !table.has(Fingerprint(high: 0, low: 0)))
    }
}
