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

    @Test func rowsThatShareAnIdentifierAreOneMemberAndTheSmallestUserIDSpeaks() async throws {
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
