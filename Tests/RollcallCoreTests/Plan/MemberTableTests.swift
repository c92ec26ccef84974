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
                #expect(table.meet(fingerprint) == model[fingerprint])
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
}
