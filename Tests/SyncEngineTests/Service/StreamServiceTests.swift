import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// How a service keeps a stream going.
@Suite(.timeLimit(.minutes(10))) struct StreamServiceTests {
    /// Streams the rows of a table `visits`.
    private static func with(_ body: (ServiceBench, SyncSettings) async throws -> Void) async throws {
        try await ServiceBench.with { bench in
            try await bench.fixture.execute("CREATE TABLE visits (id INTEGER, email TEXT, loaded INTEGER)")
            try await bench.fixture.execute("INSERT INTO visits VALUES (1, 'a@example.com', 1)")
            var events = EventSettings(key: ["id"], name: .constant("visit"), namespace: "visits")
            events.cursor = EventSettings.Cursor(column: "loaded")
            events.start = .all
            let sync = bench.sync("visits") {
                $0.audience = .table(["visits"])
                $0.target = .events(events)
                $0.stream = StreamSettings()
            }
            try await body(bench, sync)
        }
    }

    private static func phase(_ service: SyncService) async -> StreamStatus.Phase? {
        await service.streams["visits"]?.status.phase
    }

    /// Also where each try reads something: it is tried again after pauses that grow, and not in a circle.
    @Test func whatCannotBeSentIsTriedMoreAndMoreRarely() async throws {
        try await Self.with { bench, sync in
            bench.iterable.events.setFate { _, _ in
                .answer(.stop(RunError(code: "api_key_refused", message: "The key is refused.")))
            }
            try await bench.serving(try bench.setup([sync])) { service in
                var pauses: [Int] = []
                var last = Date.distantPast
                for _ in 0..<8 {
                    var pause = 0
                    try await bench.until("it has failed again, and rests") {
                        guard case .failing(let failure)? = await Self.phase(service), failure.triesAgainAt > last
                        else {
                            return false
                        }
                        pause = Int(failure.triesAgainAt.timeIntervalSince(bench.clock.wallTime))
                        return bench.clock.isAsleep(for: .seconds(pause))
                    }
                    pauses.append(pause)
                    last = bench.clock.wallTime.addingTimeInterval(Double(pause))
                    bench.clock.advance(by: .seconds(pause))
                }
                #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60], "\(pauses)")
                let runs = try await bench.runs()
                #expect(runs.allSatisfy { $0.trigger == .stream && $0.error?.code == "api_key_refused" }, "\(runs)")
            }
        }
    }

    @Test func aPausedSyncRestsUntilItIsResumed() async throws {
        try await Self.with { bench, sync in
            try await bench.serving(try bench.setup([sync])) { service in
                try await bench.until("it is sent") { bench.iterable.events.taken.count == 1 }
                _ = try await service.setPaused("visits", true)
                try await bench.until("it is paused") {
                    bench.clock.advance(by: .seconds(1))
                    return await Self.phase(service) == .paused
                }
                #expect(try await bench.runs().allSatisfy { $0.status == .succeeded })
                try await bench.fixture.execute("INSERT INTO visits VALUES (2, 'b@example.com', 2)")
                // By hand it runs now.
                let run = try await service.start("visits")
                #expect(run.trigger == .manual)
                try await bench.until("the run has sent it") { bench.iterable.events.taken.count == 2 }
                _ = try await service.setPaused("visits", false)
                try await bench.fixture.execute("INSERT INTO visits VALUES (3, 'c@example.com', 3)")
                try await bench.until("it goes on") {
                    bench.clock.advance(by: .seconds(1))
                    return bench.iterable.events.taken.count == 3
                }
            }
        }
    }

    /// As another process does that holds this one for dead.
    private static func takeLease(_ bench: ServiceBench) async throws {
        let warehouse = bench.fixture.warehouse
        _ = try await warehouse.acquireLease(sync: "visits", holder: "there 2", seconds: 600) { _ in true }
    }

    private static func isFailing(_ service: SyncService) async -> Bool {
        if case .failing? = await phase(service) { true } else { false }
    }

    /// Nothing is wrong any more with what this process does not stream.
    @Test(arguments: [true, false])
    func aProblemEndsWhereTheStreamIsPausedOrAnotherProcessHasIt(isPaused: Bool) async throws {
        try await Self.with { bench, sync in
            bench.iterable.events.setFate { _, _ in
                .answer(.stop(RunError(code: "api_key_refused", message: "The key is refused.")))
            }
            try await bench.serving(try bench.setup([sync])) { service in
                try await bench.until("it has failed") { await Self.isFailing(service) }
                #expect(await service.health().problems.map(\.error.code) == ["api_key_refused"])
                if isPaused {
                    _ = try await service.setPaused("visits", true)
                } else {
                    try await Self.takeLease(bench)
                }
                let rest: StreamStatus.Phase = isPaused ? .paused : .elsewhere
                try await bench.until("it rests") {
                    bench.clock.advance(by: .seconds(1))
                    return await Self.phase(service) == rest
                }
                #expect(await service.health().problems.isEmpty)
            }
        }
    }

    @Test func aStreamThatAnotherProcessTakesIsNoProblem() async throws {
        try await Self.with { bench, sync in
            var heard: AsyncStream<ServiceEvent>?
            try await bench.serving(try bench.setup([sync])) { service in
                heard = service.events(buffering: 10_000)
                try await bench.until("it is sent") { bench.iterable.events.taken.count == 1 }
                try await Self.takeLease(bench)
                try await bench.until("the other process has it") {
                    bench.clock.advance(by: .seconds(1))
                    return await Self.phase(service) == .elsewhere
                }
            }
            let events = try #require(heard)
            for await event in events {
                if case .problem(let problem) = event { Issue.record("\(problem)") }
            }
        }
    }

    @Test func anotherConfigurationBeginsTheStreamAgain() async throws {
        try await Self.with { bench, sync in
            try await bench.serving(try bench.setup([sync])) { service in
                try await bench.until("it is sent") { bench.iterable.events.taken.count == 1 }
                await service.reload(try bench.setup([sync]))
                try await bench.fixture.execute("INSERT INTO visits VALUES (2, 'b@example.com', 2)")
                try await bench.until("it goes on") {
                    bench.clock.advance(by: .seconds(1))
                    return bench.iterable.events.taken.count == 2
                }
                var scheduled = sync
                scheduled.stream = nil
                await service.reload(try bench.setup([scheduled]))
                try await bench.until("nothing streams it any more") {
                    bench.clock.advance(by: .seconds(1))
                    let runs = try await bench.runs()
                    return await service.streams.isEmpty && runs.allSatisfy { $0.status == .succeeded }
                }
            }
        }
    }
}
