import RollcallCore
import Testing

@Suite struct MemberTableTests {
    /// The table against a dictionary, on seeded operations with many collisions of the home slot.
    @Test(arguments: 1...20)
    func equalsADictionary(seed: UInt64) {
        var state = seed
        func next(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        var table = MemberTable(capacity: 1)
        var model: [Fingerprint: MemberTable.Marks] = [:]
        for _ in 0..<6000 {
            let fingerprint = Fingerprint(high: next(3000), low: next(3))
            switch next(3) {
            case 0 where model[fingerprint] == nil:
                table.addMember(fingerprint, MemberTable.Marks(.subscribed, listed: true))
                model[fingerprint] = [.used, .member, .listed]
            case 1:
                #expect(table.markSeen(fingerprint) == model[fingerprint])
                if model[fingerprint] != nil { model[fingerprint]?.insert(.seen) }
            case 2 where model[fingerprint] == nil:
                table.addEntered(fingerprint)
                model[fingerprint] = [.used, .seen]
            default: break
            }
        }
        #expect(table.count == model.count)
        var seen: [Fingerprint: MemberTable.Marks] = [:]
        table.forEach { seen[$0] = $1 }
        #expect(seen == model)
        var paged: [Fingerprint] = []
        var place: Int? = 0
        while let from = place {
            let page = table.page(from: from, limit: 7, with: .member, without: .seen)
            paged += page.entries.map(\.0)
            place = page.next
        }
        #expect(Set(paged) == Set(model.filter { $0.value.contains(.member) && !$0.value.contains(.seen) }.keys))
        #expect(paged.count == Set(paged).count)
    }

    @Test(arguments: 1...10)
    func markSharingFindsExactlyTheSharedHalves(seed: UInt64) {
        var state = seed
        func next(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        var table = MemberTable()
        var all: Set<Fingerprint> = []
        for _ in 0..<2000 {
            let fingerprint = Fingerprint(high: next(20_000), low: next(20_000))
            if all.insert(fingerprint).inserted { table.addEntered(fingerprint) }
        }
        let highs = Dictionary(grouping: all, by: \.high)
        let lows = Dictionary(grouping: all, by: \.low)
        let expected = all.filter { highs[$0.high]?.count != 1 || lows[$0.low]?.count != 1 }
        #expect(table.markSharing() == expected.count)
        for fingerprint in all {
            #expect(table.lookUp(fingerprint)?.contains(.sharing) == expected.contains(fingerprint))
        }
    }

    @Test(arguments: 1...10)
    func crowdedHalvesAreThoseOfManyEntriesThatWereMet(seed: UInt64) {
        var state = seed
        func next(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        var table = MemberTable()
        var met: Set<Fingerprint> = []
        for _ in 0..<3000 {
            // Some halves are carried by many, most by few; nearly a third of the entries are members that were not met.
            let fingerprint = Fingerprint(high: next(10) == 0 ? next(5) : next(2000), low: 5000 + next(1500))
            if next(10) < 3 {
                table.addMember(fingerprint, [.used, .member])
            } else {
                if table.markSeen(fingerprint) == nil { table.addEntered(fingerprint) }
                met.insert(fingerprint)
            }
        }
        _ = table.markSharing()
        for limit in [1, 3, 40] {
            let crowded = table.crowdedHalves(moreThan: limit)
            #expect(
                crowded.emails == Dictionary(grouping: met, by: \.high).mapValues(\.count).filter { $0.value > limit })
            #expect(
                crowded.userIDs == Dictionary(grouping: met, by: \.low).mapValues(\.count).filter { $0.value > limit })
        }
    }

    /// More often than a byte counts, while the table grows, and taken back.
    @Test func meetingsAreCounted() {
        var table = MemberTable()
        table.countsMeetings = true
        var times: [Fingerprint: Int] = [:]
        for number in UInt64(0)..<5000 {
            let fingerprint = Fingerprint(high: number, low: number &* 7919)
            table.addEntered(fingerprint)
            times[fingerprint] = 1
            let often = number % 500 == 3 ? 1000 : Int(number % 4)
            for _ in 0..<often { #expect(table.markSeen(fingerprint) != nil) }
            times[fingerprint, default: 0] += often
        }
        #expect(times.allSatisfy { table.meetings(of: $0.key) == $0.value })
        let one = Fingerprint(high: 3, low: 3 * 7919)
        table.unmeet(one)
        #expect(table.meetings(of: one) == 0 && table.lookUp(one) == nil)
        table.addEntered(one)
        #expect(table.meetings(of: one) == 1)
    }
}
