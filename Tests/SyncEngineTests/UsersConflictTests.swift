import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// Hybrid projects: an address that belongs to a profile without a userId.
@Suite(.timeLimit(.minutes(5))) struct UsersConflictTests {
    private static let conflict = FailureReason(
        code: "identity_conflict", reason: "The identifiers belong to different users.", httpStatus: 200)

    /// Every object with one of these userIds at the top is refused.
    private func bench(refusing refused: Set<String>) async throws -> UsersBench {
        let bench = try await UsersBench { _, sync, destination in
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
        #expect(run.counts.succeeded[.update] == 40 && run.counts.failed[.update] == 20, "\(run)")
        #expect(bench.users.requests.count == 100)
        #expect(try await bench.run().counts.succeeded[.update] == 20)
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
