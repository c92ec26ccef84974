import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// Hybrid projects: an address that belongs to a profile without a userId.
@Suite(.timeLimit(.minutes(10))) struct UsersConflictTests {
    private static let conflict = FailureReason(
        code: "identity_conflict", reason: "The identifiers belong to different users.", httpStatus: 200)

    /// Every object with one of these userIds at the top is refused.
    private func bench(refusing refused: Set<String>, isStreamed: Bool = false) async throws -> UsersBench {
        let bench = try await UsersBench { users, sync, destination in
            if isStreamed { users.cursor = RecordStreamBench.cursor() }
            sync.mapping = ColumnMapping(email: "email", userID: "user_id")
            destination.projectType = .hybrid
        }
        bench.users.setFate { request, _ in
            let people = request.people.filter { person in
                let object = String(decoding: person.object, as: UTF8.self)
                return refused.contains { object.hasPrefix("{\"userId\":\"\($0)\"") }
            }
            return .refuse(
                Dictionary(
                    people.compactMap(\.identity.userID).map { ($0, RecordOutcome.failed(Self.conflict)) },
                    uniquingKeysWith: { first, _ in first }))
        }
        return bench
    }

    @Test func aProfileWithoutAUserIDGetsIt() async throws {
        let bench = try await bench(refusing: ["u1"])
        bench.users.write("ann@example.com", "source", "\"form\"")
        try await bench.setRows([
            "1, 'ann@example.com', 'free', 'Bonn', 3, 'u1'", "2, 'ben@example.com', 'pro', 'Kiel', 0, 'u2'",
        ])
        let run = try await bench.run()
        #expect(run.status == .succeeded && run.counts.succeeded[.update] == 2, "\(run)")
        #expect(bench.users.requests.count == 2 && bench.users.looks == [.email("ann@example.com")])
        #expect(
            bench.users.objects(1) == [
                #"{"email":"ann@example.com","dataFields":{"userId":"u1","city":"Bonn","orders":3,"plan":"free"},"mergeNestedObjects":false}"#
            ])
        #expect(bench.users.profile("ann@example.com")?["userId"] == "\"u1\"")
        #expect(try await bench.log(run).sorted() == ["update succeeded  1", "update succeeded  2"])
        #expect(try await bench.snapshot() == ["synced 1 ann@example.com", "synced 2 ben@example.com"])
        #expect(try await bench.run().counts.unchanged == 2)
    }

    @Test func aProfileOfAnotherPersonStaysAsItIs() async throws {
        let bench = try await bench(refusing: ["u1", "u2"])
        bench.users.write("ann@example.com", "userId", "\"other\"")
        try await bench.setRows([
            "1, 'ann@example.com', 'free', 'Bonn', 3, 'u1'", "2, 'ben@example.com', 'pro', 'Kiel', 0, 'u2'",
        ])
        let run = try await bench.run()
        #expect(run.counts.failed[.update] == 2, "\(run)")
        #expect(bench.users.requests.count == 1, "nothing is sent again")
        #expect(Set(bench.users.looks) == [.email("ann@example.com"), .email("ben@example.com")])
        #expect(bench.users.profile("ann@example.com") == ["userId": "\"other\""])
        #expect(
            try await bench.log(run).sorted() == [
                "update failed identity_conflict 1", "update failed identity_conflict 2",
            ])
    }

    @Test func whereTheProfileCannotBeLookedAtTheConflictStands() async throws {
        let bench = try await bench(refusing: ["u1"])
        bench.users.write("ann@example.com", "source", "\"form\"")
        bench.users.setLookFate { _, _ throws(DestinationError) in
            throw DestinationError(
                error: RunError(code: "no_answer", message: "no answer"), isTransient: true, retryAfter: .seconds(5))
        }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3, 'u1'"])
        let run = try await bench.run()
        #expect(run.counts.failed[.update] == 1 && run.error == nil, "\(run)")
        bench.users.setLookFate { _, _ in nil }
        #expect(try await bench.run().counts.succeeded[.update] == 1)
    }

    @Test func aConflictOfTheOtherFormIsNotTriedAThirdTime() async throws {
        let bench = try await bench(refusing: [])
        bench.users.setFate { _, _ in .refuse(["u1": .failed(Self.conflict)]) }
        bench.users.write("ann@example.com", "source", "\"form\"")
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3, 'u1'"])
        let run = try await bench.run()
        #expect(run.counts.failed[.update] == 1 && bench.users.requests.count == 2, "\(run)")
        #expect(try await bench.log(run) == ["update failed identity_conflict 1"])
    }

    @Test func aRunMakesABoundedNumberOfSuchRequests() async throws {
        let people = 1...60
        let bench = try await bench(refusing: Set(people.map { "u\($0)" }))
        for person in people { bench.users.write("p\(person)@example.com", "source", "\"form\"") }
        try await bench.setRows(people.map { "\($0), 'p\($0)@example.com', 'free', 'Bonn', 3, 'u\($0)'" })
        let run = try await bench.run { _, _, destination in destination.limits.users.recordsPerRequest = 1 }
        #expect(run.counts.succeeded[.update] == 40 && run.counts.notAttempted[.update] == 20, "\(run)")
        #expect(bench.users.requests.count == 100 && run.counts.failed.total == 0)
        #expect(try await bench.log(run).contains { $0.hasPrefix("update not_attempted identity_conflict ") })
        #expect(try await bench.run().counts.succeeded[.update] == 20)
    }

    /// Looks of a stream share a row of `sync_runs`; how many requests each may make in another form does not depend on the
    /// others.
    @Test func eachLookOfAStreamMaySendInAnotherForm() async throws {
        let looks = 41
        let bench = try await bench(refusing: Set((1...looks).map { "u\($0)" }), isStreamed: true)
        let stream = RecordStreamBench(bench)
        let end = await stream.stream { number in
            guard number <= looks else { return false }
            try await Self.add(bench, number)
            return true
        }
        guard case .stopped = end else {
            Issue.record("\(end)")
            return
        }
        let run = try #require(stream.ended.first)
        #expect(stream.ended.count == 1 && run.counts.succeeded.update == looks, "\(run)")
        #expect(run.counts.failed.total == 0 && bench.users.requests.count == 2 * looks)
        try await stream.check()
    }

    /// The cursor would move past a person who has failed.
    @Test func aConflictThatAStopKeepsFromBeingLookedIntoComesAgain() async throws {
        let bench = try await bench(refusing: [], isStreamed: true)
        let stop = StopSignal()
        bench.users.setFate { request, number in
            if number == 1 { stop.request(.interrupted) }
            let isByUserID = request.people.contains { $0.object.starts(with: "{\"userId\"".utf8) }
            return isByUserID ? .refuse(["u1": .failed(Self.conflict)]) : .ok
        }
        let stream = RecordStreamBench(bench)
        try await Self.add(bench, 1)
        await stream.stream(stop: stop) { _ in true }
        let run = try #require(stream.ended.first)
        #expect(run.counts.notAttempted.update == 1 && run.counts.failed.total == 0, "\(run)")
        #expect(try await bench.fixture.warehouse.eventCursor(sync: "people")?.watermark == nil)
        await stream.look({})
        #expect(bench.users.profile("p1@example.com")?["userId"] == "\"u1\"")
        #expect(stream.ended.last?.counts.succeeded.update == 1, "\(stream.ended)")
        try await stream.check()
    }

    /// A row of a person with a profile that has the address alone.
    private static func add(_ bench: UsersBench, _ person: Int) async throws {
        bench.users.write("p\(person)@example.com", "source", "\"form\"")
        try await bench.fixture.execute(
            """
            INSERT INTO customers (id, email, plan, user_id, changed)
            VALUES (\(person), 'p\(person)@example.com', 'free', 'u\(person)', \(person))
            """)
    }

    /// The request was answered, but not for whom. Its parts are, and what they cleared is cleared.
    @Test func aNullThatAPartOfARequestHasClearedIsNotSentAgain() async throws {
        let bench = try await bench(refusing: [])
        let run = { try await bench.run { _, _, destination in destination.limits.users.recordsPerRequest = 3 } }
        let row = { (person: Int, plan: String, city: String) in
            "\(person), 'p\(person)@example.com', '\(plan)', \(city), 3, 'u\(person)'"
        }
        try await bench.setRows((1...3).map { row($0, "free", "'Bonn'") })
        #expect(try await run().counts.succeeded.update == 3)
        bench.users.setFate { request, _ in
            guard request.people.contains(where: { $0.identity.userID == "u3" }) else { return .ok }
            let unattributed = FailureReason(code: "conflict_unattributed", reason: "Who?", httpStatus: 200)
            return request.people.count > 1
                ? .answer(.ambiguous(unattributed)) : .refuse(["u3": .failed(Self.conflict)])
        }
        try await bench.setRows([row(1, "free", "NULL"), row(2, "free", "NULL"), row(3, "pro", "'Bonn'")])
        let halved = try await run()
        #expect(halved.counts.succeeded.update == 2 && halved.counts.failed.update == 1, "\(halved)")
        for person in ["u1", "u2"] {
            let profile = try #require(bench.users.profile(person))
            #expect(profile["plan"] == "\"free\"" && profile["city"] == nil, "\(profile)")
        }
        let next = try await run()
        #expect(next.counts.planned.update == 1 && next.counts.unchanged == 2, "\(next)")
        #expect(bench.users.requests.last?.people.map(\.identity.userID) == ["u3"])
    }

    @Test func aLostAnswerOfTheOtherFormIsUnknown() async throws {
        let bench = try await bench(refusing: ["u1"])
        bench.users.write("ann@example.com", "source", "\"form\"")
        bench.users.setFate { request, _ in
            if request.people.contains(where: { $0.object.starts(with: "{\"userId\"".utf8) }) {
                return .refuse(["u1": .failed(Self.conflict)])
            }
            return .loseAfter
        }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3, 'u1'"])
        let run = try await bench.run()
        #expect(run.counts.unknown[.update] == 1, "\(run)")
        #expect(try await bench.snapshot() == ["sending 1 ann@example.com"])
    }
}
