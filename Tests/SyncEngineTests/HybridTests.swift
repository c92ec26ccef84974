import RollcallCore
import SyncEngine
import Testing

/// Projects where a person may be known by email, by userId, or by both.
@Suite struct HybridTests {
    @Test func bothAreSentAndARemovalNamesTheUserID() async throws {
        let bench = try await Bench(.hybrid)
        try await bench.setAudience(["a@example.com/u1", "b@example.com/-", "-/u3"])
        try await bench.run()
        #expect(bench.iterable.members() == ["a@example.com/u1", "b@example.com/-", "-/u3"])
        try await bench.setAudience(["b@example.com/-"])
        let run = try await bench.run()
        #expect(run.counts.succeeded.unsubscribe == 2)
        #expect(bench.iterable.members() == ["b@example.com/-"])
    }

    @Test func aNewAddressOfTheSameUserReplacesTheMember() async throws {
        let bench = try await Bench(.hybrid)
        try await bench.setAudience(["old@example.com/u1", "x@example.com/u2"])
        try await bench.run()
        try await bench.setAudience(["new@example.com/u1", "x@example.com/u2"])
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation(subscribe: 1, unsubscribe: 0))
        #expect(bench.iterable.members() == ["new@example.com/u1", "x@example.com/u2"])
        #expect(try await bench.snapshot() == ["subscribed new@example.com/u1", "subscribed x@example.com/u2"])
    }

    /// The profile of u1 must have its new address before x can be somebody else: else the request for x reaches u1.
    @Test(arguments: [false, true])
    func whoTakesAnAddressOverIsSentAfterItsOldOwnerHasANewOne(wasThere: Bool) async throws {
        let bench = try await Bench(.hybrid) { _, destination in destination.limits.subscribersPerRequest = 1 }
        try await bench.setAudience(["x@example.com/u1"])
        try await bench.run()
        if wasThere {
            // The address alone is on the snapshot too, as another name of u1.
            try await bench.setAudience(["x@example.com/-"])
            try await bench.run()
        }
        try await bench.setAudience(["x@example.com/-", "y@example.com/u1"])
        let run = try await bench.run()
        #expect(run.status == .succeeded)
        #expect(bench.iterable.members() == ["x@example.com/-", "y@example.com/u1"])
        #expect(bench.iterable.requests.last?.subscribers.first?.email == "x@example.com")
        #expect(try await bench.run().requests.sent == 0)
    }

    /// One profile, two entries, two removals; only one is carried out, and it takes both off the list.
    @Test func whoReturnsUnderTheNameThatWasNotRemovedIsSentAgain() async throws {
        let bench = try await Bench(.hybrid) { _, destination in destination.limits.subscribersPerRequest = 1 }
        for rows in [["a@example.com/u1", "z@example.com/u9"], ["a@example.com/-", "z@example.com/u9"]] {
            try await bench.setAudience(rows)
            try await bench.run()
        }
        let reason = FailureReason(code: "bad_request", reason: "on purpose", httpStatus: 400)
        bench.iterable.setFate { request, _ in
            request.operation == .unsubscribe && request.subscribers[0].userID == nil ? .answer(.refused(reason)) : .ok
        }
        try await bench.setAudience(["z@example.com/u9"])
        #expect(try await bench.run().counts.failed.unsubscribe == 1)
        #expect(bench.iterable.members() == ["z@example.com/u9"])
        try await bench.setAudience(["a@example.com/-", "z@example.com/u9"])
        try await bench.run()
        #expect(bench.iterable.members() == ["a@example.com/u1", "z@example.com/u9"])
    }

    @Test func nobodyIsRemovedWhoseIdentifierARowStillCarries() async throws {
        let bench = try await Bench(.hybrid)
        try await bench.setAudience(["shared@example.com/u1"])
        try await bench.run()
        // Another account takes the address over: u1 has left, but the address is still wanted.
        try await bench.setAudience(["shared@example.com/u2"])
        let run = try await bench.run()
        #expect(run.counts.planned.unsubscribe == 0)
        #expect(bench.iterable.requests.allSatisfy { $0.operation == .subscribe })
        // When nobody carries it any more, both go.
        try await bench.setAudience(["other@example.com/u9"])
        try await bench.run()
        #expect(bench.iterable.members() == ["other@example.com/u9"])
    }

    /// A row with both identifiers represents the person, in whichever order the rows come: no address is lost that a row
    /// carries beside a userId, and whoever is left under one of the two is not removed under the other.
    @Test(
        arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]], ["a@example.com/-", "-/u-1"])
    func aRowWithBothIdentifiersRepresentsThePerson(order: [Int], rest: String) async throws {
        let bench = try await Bench(.hybrid)
        let rows = ["a@example.com/-", "A@example.com/u-1", "-/u-1"]
        try await bench.setAudience(order.map { rows[$0] })
        let run = try await bench.run()
        #expect(run.counts.audience == 1 && run.counts.duplicates == 2)
        #expect(bench.iterable.members() == ["a@example.com/u-1"])
        #expect(try await bench.snapshot() == ["subscribed a@example.com/u-1"])
        #expect(try await bench.run().requests.sent == 0)
        try await bench.setAudience([rest])
        let next = try await bench.run()
        #expect(next.counts.planned.unsubscribe == 0)
        #expect(bench.iterable.members() == ["a@example.com/u-1"])
        try await bench.setAudience(["z@example.com/-"])
        try await bench.run()
        #expect(bench.iterable.members() == ["z@example.com/-"])
        #expect(try await bench.snapshot() == ["subscribed z@example.com/-"])
    }

    /// What an earlier version acknowledged under the userId alone is put right by the next run, and nobody is removed.
    @Test func whoWasSubscribedUnderTheUserIDAloneGetsTheAddress() async throws {
        let bench = try await Bench(.hybrid)
        try await bench.setAudience(["-/u-1"])
        try await bench.run()
        try await bench.setAudience(["a@example.com/-", "A@example.com/u-1", "-/u-1"])
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation(subscribe: 1, unsubscribe: 0))
        #expect(bench.iterable.members() == ["a@example.com/u-1"])
        #expect(try await bench.snapshot() == ["subscribed a@example.com/u-1"])
    }

    /// Every set of a person's rows after every other one.
    @Test(arguments: 1..<8, 1..<8)
    func rowsOfOnePersonComeAndGo(before: Int, after: Int) async throws {
        let bench = try await Bench(.hybrid)
        let kinds = ["a@example.com/u1", "a@example.com/-", "-/u1"]
        func rows(_ set: Int) -> [String] { kinds.indices.filter { set & 1 << $0 != 0 }.map { kinds[$0] } }
        func hasBoth(_ set: Int) -> Bool { set & 1 != 0 }
        try await bench.setAudience(rows(before))
        let first = try await bench.run()
        #expect(first.counts.audience == (hasBoth(before) ? 1 : rows(before).count))
        if hasBoth(before) { #expect(bench.iterable.members() == ["a@example.com/u1"]) }
        try await bench.setAudience(rows(after).reversed())
        let second = try await bench.run()
        // Without a row that said so, nobody knows that the address and the userId are one person.
        let isLinked = hasBoth(before) || hasBoth(after)
        #expect(second.counts.planned.unsubscribe == (isLinked ? 0 : Set(rows(before)).subtracting(rows(after)).count))
        let names = Set(bench.iterable.members().flatMap { $0.split(separator: "/") })
        for name in rows(after).flatMap({ $0.split(separator: "/") }) where name != "-" {
            #expect(names.contains(name), "after \(rows(after))")
        }
        #expect(try await bench.run().requests.sent == 0)
        // Two profiles that became one person: which of them Iterable keeps is not known here.
        if !hasBoth(before) && rows(before).count == 2 && hasBoth(after) { return }
        try await bench.setAudience(["z@example.com/-"])
        try await bench.run()
        #expect(bench.iterable.members() == ["z@example.com/-"])
        #expect(try await bench.snapshot() == ["subscribed z@example.com/-"])
    }

    /// Who represents a person, and under which entry a person is removed, does not depend on the sync's key.
    @Test func theRepresentativeDoesNotDependOnTheKey() async throws {
        for _ in 0..<4 {
            let bench = try await Bench(.hybrid)
            try await bench.setAudience(["b@example.com/u2", "a@example.com/u2", "-/u2", "a@example.com/-"])
            try await bench.run()
            #expect(bench.iterable.members() == ["a@example.com/u2"])
            try await bench.setAudience(["-/u2"])
            try await bench.run()
            try await bench.setAudience(["z@example.com/-"])
            let run = try await bench.run()
            #expect(try await bench.log(run).contains("unsubscribe succeeded  a@example.com/u2"))
        }
    }

    @Test func rowsThatShareAnIdentifierAreOneMemberAndTheSmallestUserIDRepresentsIt() async throws {
        let bench = try await Bench(.hybrid)
        try await bench.setAudience(["a@example.com/u2", "a@example.com/u10", "b@example.com/u2", "c@example.com/u3"])
        let run = try await bench.run()
        #expect(run.counts.duplicates == 2)
        #expect(run.counts.audience == 2)
        #expect(bench.iterable.members() == ["a@example.com/u10", "c@example.com/u3"])
        let log = try await bench.log(run)
        #expect(log.filter { $0.hasPrefix("validate succeeded shared_identifier") }.count == 2)
        #expect(run.status == .succeeded)
        let again = try await bench.run()
        #expect(again.requests.sent == 0)
        #expect(again.counts.duplicates == 2)
        #expect(again.counts.unchanged == 2)
    }

    @Test func aRowGoesOnWithItsValidIdentifier() async throws {
        let bench = try await Bench(.hybrid)
        try await bench.setAudience(["not an address/u1", "b@example.com/ u2", "bad/ bad", "/u5"])
        let run = try await bench.run()
        #expect(run.counts.invalid == 1)
        #expect(bench.iterable.members() == ["-/u1", "b@example.com/-", "-/u5"])
        let log = try await bench.log(run)
        #expect(log.contains("validate succeeded identifier_dropped not an address/u1"))
        #expect(log.contains("validate succeeded identifier_dropped b@example.com/ u2"))
        let again = try await bench.run()
        #expect(again.requests.sent == 0)
    }

    @Test func swappedIdentifiersRemoveNobody() async throws {
        let bench = try await Bench(.hybrid)
        try await bench.setAudience(["a@example.com/u1", "b@example.com/u2"])
        try await bench.run()
        try await bench.setAudience(["a@example.com/u2", "b@example.com/u1"])
        let run = try await bench.run()
        #expect(run.counts.planned.unsubscribe == 0)
        #expect(bench.iterable.requests.allSatisfy { $0.operation == .subscribe })
    }

    /// Each address is free only once the row before it has been carried out, in whatever order the rows come.
    @Test(arguments: 0..<6) func addressesThatMoveOnInAChainAreSentInItsOrder(order: Int) async throws {
        let bench = try await Bench(.hybrid) { $1.limits.subscribersPerRequest = 1 }
        try await bench.setAudience(["p1@example.com/U1", "p3@example.com/U3"])
        try await bench.run()
        var rows = ["p3@example.com/-", "p2@example.com/U1", "p1@example.com/U3"]
        rows.swapAt(0, order % 3)
        if order > 2 { rows.swapAt(1, 2) }
        try await bench.setAudience(rows)
        try await bench.run()
        #expect(bench.iterable.members() == Set(rows))
        #expect(try await bench.run().counts.unchanged == 3)
    }

    @Test func addressesOfAChainAreInNoRequestTogether() async throws {
        let bench = try await Bench(.hybrid)
        try await bench.setAudience(["p1@example.com/U1", "p3@example.com/U3"])
        try await bench.run()
        try await bench.setAudience(["p3@example.com/-", "p2@example.com/U1", "p1@example.com/U3"])
        try await bench.run()
        let sent = bench.iterable.requests.dropFirst().map { $0.subscribers.map { $0.email ?? "-" } }
        #expect(sent == [["p2@example.com"], ["p1@example.com"], ["p3@example.com"]])
    }

    /// An order is no time.
    @Test func whoIsSentLastWaitsForNoTime() async throws {
        let bench = try await Bench(.hybrid)
        try await bench.setAudience(["a@example.com/u1", "b@example.com/u2"])
        try await bench.run()
        try await bench.setAudience(["a@example.com/u2", "b@example.com/u1"])
        var changes: [Change] = []
        try await bench.pipeline().plan().forEachChange(limit: nil) { changes.append($0) }
        #expect(changes.count == 2 && changes.allSatisfy { $0.goesLast && $0.waitsUntil == nil }, "\(changes)")
        let step = try await bench.pipeline().why("a@example.com").nextStep
        let last = "after all others: its address belongs to another profile until then"
        #expect(step.contains("subscribe a@example.com") && step.contains(last) && !step.contains("1970"), "\(step)")
    }

    @Test func aLostUserIDKeepsTheMember() async throws {
        let bench = try await Bench(.hybrid)
        try await bench.setAudience(["a@example.com/u1"])
        try await bench.run()
        try await bench.setAudience(["a@example.com/-"])
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation(subscribe: 1, unsubscribe: 0))
        // What was known stays known: the address and the userId are one person.
        #expect(try await bench.snapshot() == ["subscribed a@example.com/-", "subscribed a@example.com/u1"])
        #expect(bench.iterable.members() == ["a@example.com/u1"])
        try await bench.setAudience(["z@example.com/-"])
        try await bench.run()
        #expect(bench.iterable.members() == ["z@example.com/-"])
        #expect(try await bench.snapshot() == ["subscribed z@example.com/-"])
    }

    @Test func aRowThatSwitchesItsIdentifierIsNeverRemoved() async throws {
        let bench = try await Bench(.hybrid)
        for row in ["ann@example.com/u1", "-/u1", "ann@example.com/-", "-/u1", "ann@example.com/u1"] {
            try await bench.setAudience([row])
            try await bench.run()
            #expect(bench.iterable.members() == ["ann@example.com/u1"], "after \(row)")
        }
        #expect(bench.iterable.requests.allSatisfy { $0.operation == .subscribe })
    }

    @Test func anIdentifierThatIsNoLongerReadRemovesNobody() async throws {
        let bench = try await Bench(.hybrid)
        try await bench.setAudience(["a@example.com/-", "b@example.com/u2"])
        try await bench.run()
        let pipeline = bench.pipeline { $0.mapping = ColumnMapping(userID: "user_id") }
        guard case .ran(let run) = await pipeline.run(RunRequest()) else {
            Issue.record("not run")
            return
        }
        #expect(run.error?.code == "mapping_changed")
        #expect(bench.iterable.members() == ["a@example.com/-", "b@example.com/u2"])
    }
}
