import RollcallCore
import TestSupport
import Testing

@testable import SyncEngine

/// Identifiers that more rows carry than `identity.max_sharing` allows: `0`, `null`, `unknown`.
@Suite struct MaxSharingTests {
    private func bench(_ maxSharing: Int = 10) async throws -> Bench {
        try await Bench(.hybrid) { sync, _ in sync.identity.maxSharing = maxSharing }
    }

    private func sharers(_ range: ClosedRange<Int>, _ userID: String = "0") -> [String] {
        range.map { "p\($0)@example.com/\(userID)" }
    }

    @Test func aUserIDThatManyShareIsNoPersons() async throws {
        let bench = try await bench()
        try await bench.setAudience(sharers(1...60) + ["ann@example.com/u1"])
        let run = try await bench.run()
        #expect(run.status == .succeeded)
        #expect(run.counts.audience == 61 && run.counts.duplicates == 0 && run.counts.invalid == 0)
        #expect(bench.iterable.members() == listed(addresses(1...60)).union(["ann@example.com/u1"]))
        #expect(try await bench.log(run).count { $0.hasPrefix("validate succeeded identifier_shared p") } == 60)
        let again = try await bench.run()
        #expect(again.requests.sent == 0 && again.counts.unchanged == 61)
        // Each of them leaves alone.
        try await bench.setAudience(sharers(2...60) + ["ann@example.com/u1"])
        #expect(try await bench.run().counts.succeeded.unsubscribe == 1)
        #expect(!bench.iterable.members().contains("p1@example.com/-"))
    }

    @Test func anAddressThatManyShareIsNoPersons() async throws {
        let bench = try await bench()
        try await bench.setAudience((1...11).map { "None@Example.com/u\($0)" })
        let run = try await bench.run()
        #expect(run.counts.audience == 11)
        #expect(bench.iterable.members() == Set((1...11).map { "-/u\($0)" }))
    }

    /// Exactly as many as allowed are one person still; a row with the identifier alone has no other one, and spellings of one
    /// address are one.
    @Test func onlyDifferentOtherIdentifiersCount() async throws {
        let bench = try await bench(3)
        try await bench.setAudience(
            sharers(1...3) + ["-/0", " P1@EXAMPLE.COM /0", "P2@example.com/0", "not an address/0"])
        let run = try await bench.run()
        #expect(run.counts.audience == 1 && run.counts.duplicates == 6)
        #expect(bench.iterable.members() == ["p1@example.com/0"])
        #expect(try await bench.log(run).allSatisfy { !$0.contains("identifier_shared") })
    }

    /// Every row is counted and logged, however often its identity comes; the table counts beyond a byte.
    @Test func aRowWithoutAnotherIdentifierFails() async throws {
        let bench = try await bench(2)
        let alone = Array(repeating: "-/0", count: 300)
        try await bench.setAudience(sharers(1...3) + alone + sharers(1...1) + ["p9@example.com/-"])
        let run = try await bench.run()
        #expect(run.status == .completedWithFailures)
        #expect(run.counts.rowsRead == 305 && run.counts.invalid == 300)
        #expect(run.counts.audience == 4 && run.counts.duplicates == 1)
        let log = try await bench.log(run)
        #expect(log.count { $0 == "validate failed identifier_shared -/0" } == 300)
        #expect(log.count { $0.hasPrefix("validate succeeded identifier_shared") } == 4)
        #expect(bench.iterable.members() == listed(addresses(1...3) + ["p9@example.com"]))
    }

    @Test func aRowWhoseIdentifiersBothCountAsNoneFails() async throws {
        let bench = try await bench(1)
        try await bench.setAudience(["a@example.com/0", "b@example.com/0", "none@example.com/0", "none@example.com/u7"])
        let run = try await bench.run()
        #expect(run.counts.invalid == 1 && run.counts.audience == 3)
        #expect(bench.iterable.members() == ["a@example.com/-", "b@example.com/-", "-/u7"])
        #expect(try await bench.log(run).contains("validate failed identifier_shared none@example.com/0"))
    }

    /// The row as it is left may be there already, or come again.
    @Test func whatIsLeftOfARowIsOneOfTheOthers() async throws {
        let bench = try await bench(1)
        try await bench.setAudience(["a@example.com/-", "b@example.com/u2"])
        try await bench.run()
        try await bench.setAudience(["a@example.com/-", "a@example.com/0", "b@example.com/0", "b@example.com/u2"])
        let run = try await bench.run()
        // b stands beside two userIds and 0 beside two emails: both count as none.
        #expect(run.counts.audience == 2 && run.counts.duplicates == 1 && run.counts.invalid == 1)
        #expect(run.counts.planned.unsubscribe == 0)
    }

    /// Around the limit: eleven people, then ten, then eleven; nobody in the audience is ever removed.
    @Test func nobodyIsRemovedWhoseIdentifierStopsCounting() async throws {
        let bench = try await bench()
        bench.iterable.refuseConflicts()
        for (turn, count) in [10, 11, 10, 12, 9, 11].enumerated() {
            try await bench.setAudience(sharers(1...count))
            let run = try await bench.run()
            #expect(run.counts.audience == (count > 10 ? count : 1))
            let names = Set(bench.iterable.members().compactMap { $0.split(separator: "/").first.map(String.init) })
            if turn > 0 { #expect(names.isSuperset(of: addresses(1...min(count, 11))), "turn \(turn): \(names)") }
            if count > 10 { #expect(names.isSuperset(of: addresses(1...count)), "turn \(turn): \(names)") }
        }
        try await bench.setAudience(["z@example.com/-"])
        try await bench.run()
        try await bench.run()
        #expect(bench.iterable.members() == ["z@example.com/-"])
    }

    /// Who is known by the identifier stays while rows carry it, although it counts as none.
    @Test(arguments: ["-/0", "old@example.com/0"])
    func whoIsKnownByItIsKept(member: String) async throws {
        let bench = try await bench(2)
        try await bench.setAudience([member])
        try await bench.run()
        try await bench.setAudience(sharers(1...3))
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation(subscribe: 3, unsubscribe: 0))
        #expect(bench.iterable.members() == listed(addresses(1...3)).union([member]))
        #expect(try await bench.run().requests.sent == 0)
        try await bench.setAudience(addresses(1...3))
        try await bench.run()
        #expect(bench.iterable.members() == listed(addresses(1...3)))
    }

    /// What an earlier version acknowledged with the identifier is in the audience, and becomes the others of its rows.
    @Test func aMemberWithTheIdentifierIsARowWithoutIt() async throws {
        let bench = try await bench(2)
        try await bench.setAudience(sharers(1...1))
        try await bench.run()
        try await bench.setAudience(sharers(1...1) + sharers(1...4))
        let run = try await bench.run()
        #expect(run.counts.audience == 4 && run.counts.duplicates == 1)
        #expect(run.counts.planned == PerOperation(subscribe: 4, unsubscribe: 0))
        #expect(try await bench.log(run).count { $0.hasPrefix("validate succeeded identifier_shared") } == 5)
        #expect(try await bench.run().requests.sent == 0)
    }

    @Test func otherProjectsKnowNoSharing() async throws {
        let bench = try await Bench(.email) { sync, _ in sync.identity.maxSharing = 1 }
        try await bench.setAudience(addresses(1...5) + addresses(1...5))
        let run = try await bench.run()
        #expect(run.counts.audience == 5 && run.counts.duplicates == 5)
    }

    // MARK: Named

    /// The clock of these tests lets four seconds take for ever.
    @Test func planAndCheckNameThem() async throws {
        let bench = try await bench(2)
        try await bench.setAudience(
            sharers(1...5) + (1...3).map { "none@example.com/u\($0)" } + ["x@example.com/u9", "-/0", "-/0"])
        let expected = [
            OversharedIdentifier(kind: .userID, value: "0", others: 5),
            OversharedIdentifier(kind: .email, value: "none@example.com", others: 3),
        ]
        for _ in 0..<2 {
            let plan = try await bench.pipeline().plan()
            #expect(plan.oversharedIdentifiers == expected)
            let found = try #require(try await bench.pipeline().findOversharing(seconds: 4))
            #expect(found.found == expected && found.rows == 11 && found.isWhole)
            try await bench.run()
        }
    }

    /// A check looks at the first rows of a large audience.
    @Test func aCheckEndsEarly() async throws {
        let bench = try await bench(2)
        try await bench.fixture.execute(
            """
            INSERT INTO people WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
            SELECT 'p' || i || '@example.com', CASE WHEN i % 1000 = 0 THEN '0' ELSE 'u' || i END FROM n
            """)
        let found = try #require(try await bench.pipeline().findOversharing(seconds: 4))
        #expect(found.rows >= 100_000, "\(found.rows)")
        #expect(found.rows < 150_000, "\(found.rows)")
        #expect(!found.isWhole)
        #expect(found.found.map(\.value) == ["0"])
    }

    // MARK: Why

    @Test func whyNamesTheRowThatRepresentsAPerson() async throws {
        let bench = try await bench()
        try await bench.setAudience(sharers(1...3))
        let before = try await bench.pipeline().why("p2@example.com")
        #expect(before.rows.first?.representative == Identity(email: "p1@example.com", userID: "0"))
        #expect(
            before.nextStep
                == "the row p1@example.com (0) represents this person: subscribe p1@example.com (0)")
        try await bench.run()
        let after = try await bench.pipeline().why("P2@example.com")
        #expect(
            after.nextStep
                == "the row p1@example.com (0) represents this person: nothing to do, the person is on the list as"
                + " p1@example.com (0)")
        #expect(try await bench.pipeline().why("p1@example.com").nextStep == "nothing to do, the list is right")
        let shared = try await bench.pipeline().why("0")
        #expect(shared.nextStep == "nothing to do, the list is right")
        #expect(shared.rows.map { $0.representative?.email } == [nil, "p1@example.com", "p1@example.com"])
    }

    @Test func whySaysThatAnIdentifierCountsAsNone() async throws {
        let bench = try await bench(2)
        try await bench.setAudience(sharers(1...3) + ["-/0"])
        for _ in 0..<2 {
            let why = try await bench.pipeline().why("0")
            #expect(why.overshared == OversharedIdentifier(kind: .userID, value: "0", others: 3))
            #expect(
                why.nextStep.hasPrefix("nothing is sent under this identifier: rows with 3 different emails carry it"))
            #expect(why.rows.map(\.isValid) == [true, true, true, false])
            #expect(why.rows.allSatisfy { $0.failure?.code == "identifier_shared" })
            try await bench.run()
        }
        let one = try await bench.pipeline().why("p1@example.com")
        #expect(one.nextStep == "nothing to do, the list is right")
        #expect(one.rows.first?.person == Identity(email: "p1@example.com", userID: nil))
    }

    /// The row goes on under another identifier than the one that was asked for.
    @Test func whyDoesNotSayThatTheListIsRightUnderAnIdentifierThatWasRefused() async throws {
        let bench = try await bench()
        try await bench.setAudience(["b@example.com/ u2"])
        try await bench.run()
        let why = try await bench.pipeline().why(" u2")
        #expect(why.nextStep == "nothing to do, the person is on the list as b@example.com")
    }
}
