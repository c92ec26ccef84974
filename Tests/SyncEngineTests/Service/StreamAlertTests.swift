import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// Alerts about streams, of two processes on one warehouse.
@Suite(.timeLimit(.minutes(10))) struct StreamAlertTests {
    @Test func onlyTheProcessThatStreamsJudgesTheLag() async throws {
        try await ServiceBench.with { bench in
            let sync = bench.sync { $0.stream = StreamSettings() }
            var setup = try bench.setup([sync])
            setup.alerts = AlertThresholds()
            _ = try await bench.fixture.warehouse.migrate()
            let warehouse = try #require(setup.warehouses["shop"])
            let here = SyncService(setup, clock: bench.clock, holder: Holder(text: "a"))
            let there = SyncService(setup, clock: bench.clock, holder: Holder(text: "b"))
            let streams = [here.events(), there.events()]
            let (ours, theirs) = (StreamTracker(clock: bench.clock), StreamTracker(clock: bench.clock))
            await here.follow(ours, of: "vip")
            await there.follow(theirs, of: "vip")
            theirs.ended(.elsewhere)
            func judge() async throws {
                for service in [here, there] { try await service.alert([sync], warehouse, service.generation) }
            }
            for lag in [299, 301, 301, 299] {
                ours.read(oldest: .seconds(lag), count: 1)
                try await judge()
            }
            // A restart knows nothing of the lag before it has read.
            ours.read(oldest: .seconds(400), count: 1)
            try await judge()
            ours.ended(.starting)
            try await judge()
            ours.caughtUp()
            try await judge()
            await here.stop()
            await there.stop()
            var alerts: [[String]] = []
            for stream in streams {
                var kinds: [String] = []
                for await event in stream { if case .alert(let alert) = event { kinds.append(alert.kind.rawValue) } }
                alerts.append(kinds)
            }
            #expect(alerts == [["stream_behind", "recovered", "stream_behind", "recovered"], []])
        }
    }

    @Test func theLagIsJudgedWhileItIsKnown() {
        var status = StreamStatus()
        status.lagSeconds = 7
        let problem = StreamStatus.Failure(code: "x", message: "y", triesAgainAt: .now)
        let phases: [(StreamStatus.Phase, Double?)] = [
            (.starting, nil), (.following, 7), (.sending, 7), (.paused, nil), (.held(runID: "r"), nil),
            (.elsewhere, nil),
            (.failing(problem), 7),
        ]
        for (phase, lag) in phases {
            status.phase = phase
            #expect(status.judgedLag == lag, "\(phase)")
        }
        status.lagSeconds = 0
        #expect(status.judgedLag == nil, "a stream that fails at its first look has not caught up")
    }

    @Test func metricsAreOfStreamsOfThisProcess() async throws {
        try await ServiceBench.with { bench in
            let syncs = ["a", "b", "c", "d"].map { name in bench.sync(name) { $0.stream = StreamSettings() } }
            let service = SyncService(try bench.setup(syncs + [bench.sync()]), clock: bench.clock)
            #expect(await service.metrics().streams.isEmpty)
            let trackers = syncs.map { _ in StreamTracker(clock: bench.clock) }
            for (sync, tracker) in zip(syncs, trackers) { await service.follow(tracker, of: sync.name) }
            trackers[0].read(oldest: .seconds(4), count: 9)
            trackers[0].handle(.sending(done: 2, total: 9))
            trackers[1].ended(.elsewhere)
            trackers[2].handle(.sending(done: 5, total: 5))
            trackers[2].ended(.paused)
            let streams = await service.metrics().streams
            #expect(streams.map(\.sync) == ["a", "c", "d"])
            #expect(streams.map(\.lagSeconds) == [4, nil, 0])
            #expect(streams.map(\.backlog) == [7, nil, 0])
            #expect(streams.map(\.records) == [2, 5, 0])
        }
    }
}

extension SyncService {
    /// Lets a stream of the test stand for one of the service.
    fileprivate func follow(_ tracker: StreamTracker, of sync: String) { streams[sync] = tracker }
}
