import RollcallCore
import SyncEngine
import TestSupport
import Testing

/// The mirror itself: the list becomes the audience and stays it.
@Suite struct MirrorTests {
    @Test func firstRunSubscribesEverybodyAndASecondOneSendsNothing() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...2500))
        let first = try await bench.run()
        #expect(first.status == .succeeded)
        #expect(first.counts.succeeded.subscribe == 2500)
        #expect(bench.iterable.members() == listed(addresses(1...2500)))
        #expect(bench.iterable.requests.map(\.subscribers.count).sorted() == [500, 1000, 1000])

        let second = try await bench.run()
        #expect(second.status == .succeeded)
        #expect(second.counts.unchanged == 2500)
        #expect(second.requests.sent == 0)
        #expect(bench.iterable.requests.count == 3)
    }

    @Test func onlyTheDifferenceIsSent() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...200))
        try await bench.run()
        try await bench.setAudience(addresses(6...203))
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation(subscribe: 3, unsubscribe: 5))
        #expect(run.counts.succeeded == PerOperation(subscribe: 3, unsubscribe: 5))
        #expect(bench.iterable.members() == listed(addresses(6...203)))
        let changes = bench.iterable.requests.dropFirst()
        // Both may be under way at once.
        #expect(Set(changes.map(\.operation)) == [.subscribe, .unsubscribe] && changes.count == 2)
        #expect(
            Set(changes.flatMap { $0.subscribers.compactMap(\.email) }) == Set(addresses(1...5) + addresses(201...203)))
    }

    @Test func spellingsOfOneAddressAreOneMember() async throws {
        let bench = try await Bench()
        try await bench.setAudience(["Ada@Example.com", " ada@example.com ", "ADA@EXAMPLE.COM", "bob@example.com"])
        let run = try await bench.run()
        #expect(run.counts.duplicates == 2)
        #expect(run.counts.audience == 2)
        #expect(bench.iterable.members() == listed(["ada@example.com", "bob@example.com"]))
        try await bench.setAudience(["ADA@example.com"])
        let second = try await bench.run()
        #expect(second.counts.unchanged == 1)
        #expect(bench.iterable.members() == listed(["ada@example.com"]))
    }

    @Test func invalidRowsAreLoggedAsTheyStandAndNeverSent() async throws {
        let bench = try await Bench()
        try await bench.setAudience(["good@example.com", " Bad Address@x ", "-", "x@a.test"])
        let run = try await bench.run()
        #expect(run.status == .completedWithFailures)
        #expect(run.counts.rowsRead == 4)
        #expect(run.counts.invalid == 3)
        let log = try await bench.log(run)
        #expect(log.contains("validate failed identifier_missing -/-"))
        #expect(log.contains { $0.hasPrefix("validate failed email_") && $0.hasSuffix(" Bad Address@x /-") })
        #expect(log.contains("subscribe succeeded  good@example.com/-"))
        #expect(bench.iterable.requests.flatMap(\.subscribers).compactMap(\.email) == ["good@example.com"])
    }

    @Test func membersOfOthersAreNeverRemoved() async throws {
        let bench = try await Bench()
        bench.iterable.addForeign(Identity(email: "foreign@example.com", userID: nil), to: 1)
        try await bench.setAudience(addresses(1...10))
        try await bench.run()
        try await bench.setAudience(addresses(1...5))
        try await bench.run()
        #expect(bench.iterable.members() == listed(addresses(1...5) + ["foreign@example.com"]))
    }

    @Test func fullSendsEveryMemberAgainAndRemovesOnlyWhoLeft() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...20))
        try await bench.run()
        try await bench.setAudience(addresses(3...21))
        var request = RunRequest()
        request.full = true
        let run = try await bench.run(request)
        #expect(run.counts.planned == PerOperation(subscribe: 19, unsubscribe: 2))
        #expect(bench.iterable.members() == listed(addresses(3...21)))
        let removed = bench.iterable.requests.filter { $0.operation == .unsubscribe }.flatMap(\.subscribers)
        #expect(removed.compactMap(\.email).sorted() == addresses(1...2))
    }

    @Test func userIDProjectsSendUserIDsAlone() async throws {
        let bench = try await Bench(.userID)
        try await bench.setAudience(["-/u1", "-/007", "-/ u2", "-/\(String(repeating: "x", count: 53))"])
        let run = try await bench.run()
        #expect(run.counts.invalid == 2)
        #expect(bench.iterable.members() == ["-/u1", "-/007"])
    }

    @Test func planChangesNothing() async throws {
        let bench = try await Bench(list: nil)
        try await bench.setAudience(addresses(1...5))
        let plan = try await bench.pipeline().plan()
        #expect(plan.counts.planned.subscribe == 5)
        #expect(plan.listID == nil)
        #expect(bench.iterable.requests.isEmpty)
        #expect(bench.iterable.creations == 0)
        let tables = try await bench.fixture.query("SELECT name FROM sqlite_master WHERE name LIKE 'rollcall%'")
        #expect(tables.isEmpty)
    }

    @Test func placeholderEmailsSendUserIDsWithPreference() async throws {
        let bench = try await Bench(.email) { sync, _ in
            sync.placeholderEmails = true
            sync.mapping = ColumnMapping(userID: "user_id")
        }
        try await bench.setAudience(["-/u1"])
        try await bench.run()
        #expect(bench.iterable.requests.map(\.preferUserID) == [true])
        #expect(bench.iterable.requests.first?.subscribers == [Identity(email: nil, userID: "u1")])
    }
}
