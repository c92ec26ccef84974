import Foundation
import RollcallCore
import SyncEngine
import Testing
import Warehouse

@testable import Web

/// Streams in the API and among the metrics.
@Suite struct StreamAPITests {
    private func object(_ status: SyncStatus) throws -> [String: Any] {
        let text = APIObject.sync(status).text
        let wrong = try Schema.violations(of: "Sync", in: text)
        #expect(wrong.isEmpty, "\(wrong)")
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func stream(_ status: SyncStatus) throws -> [String: Any] {
        try #require(try object(status)["stream"] as? [String: Any])
    }

    @Test func everyPhaseIsAsDescribed() throws {
        let names = ["starting", "following", "sending", "paused", "held", "elsewhere", "failing"]
        for (phase, name) in zip(StreamScene.phases, names) {
            let stream = try stream(StreamScene.status(phase))
            #expect(stream["phase"] as? String == name)
            #expect(stream["lag_seconds"] as? Double == 0.4 && stream["backlog"] as? Int == 1234)
            #expect(stream["records"] as? Int == 56_789 && stream["records_per_second"] as? Double == 12.3)
            #expect(stream["latest_read_at"] as? String == "2027-01-15T12:00:27.000Z")
            #expect(stream["run_id"] as? String == (name == "held" ? StreamScene.runID : nil))
            let error = stream["error"] as? [String: Any]
            #expect((error != nil) == (name == "failing"))
            if let error {
                #expect(error["code"] as? String == "fields_unknown")
                #expect(error["message"] as? String == "the table \"orders\" is gone")
                #expect(error["tries_again_at"] as? String == "2027-01-15T12:01:03.000Z")
            }
        }
    }

    @Test func wakesSayWhatIsWrong() throws {
        let states: [(WakeState, String, String?)] = [
            (.none, "none", nil), (.listening, "listening", nil),
            (.unavailable("A pooler."), "unavailable", "A pooler."),
        ]
        for (state, name, message) in states {
            let wakes = try stream(StreamScene.status(.following) { $0.wakes = state })["wakes"] as? [String: Any]
            #expect(wakes?["state"] as? String == name && wakes?["message"] as? String == message)
        }
    }

    @Test func theSettingsAreThereWithoutAStreamInThisProcess() throws {
        let settings = StreamScene.settings { sync in
            sync.stream?.pollSeconds = 7
            sync.stream?.lingerSeconds = 0.5
            sync.stream?.wake = "orders_changed"
        }
        let sync = try object(StreamScene.status(nil, settings: settings))
        #expect(sync["stream"] is NSNull && sync["schedule"] is NSNull)
        let given = sync["stream_settings"] as? [String: Any]
        #expect(given?["poll_seconds"] as? Double == 7 && given?["linger_seconds"] as? Double == 0.5)
        #expect(given?["wake"] as? String == "orders_changed")
        let plain = try object(SyncStatus(settings: StreamScene.settings { $0.stream = nil }))
        #expect(plain["stream"] is NSNull && plain["stream_settings"] is NSNull)
        #expect(plain["state"] as? String == "manual")
    }

    @Test func theStateIsThatOfTheStream() throws {
        func state(_ phase: StreamStatus.Phase?, _ change: (inout SyncStatus) -> Void = { _ in }) throws -> String? {
            var status = StreamScene.status(phase)
            change(&status)
            return try object(status)["state"] as? String
        }
        #expect(try state(nil) == "streaming")
        #expect(try state(.following) { $0.latestRun = StreamScene.run() } == "streaming")
        #expect(try state(.elsewhere) { $0.latestRun = StreamScene.run() } == "streaming")
        #expect(try state(.elsewhere) { $0.latestRun = StreamScene.run(.running, .manual) } == "running")
        #expect(try state(.failing(StreamScene.problem)) == "failing")
        #expect(try state(.starting) { $0.latestRun = StreamScene.run(.failed) } == "failing")
        #expect(try state(.paused) { $0.isPaused = true } == "paused")
        #expect(try state(.paused) { $0.settings.enabled = false } == "disabled")
        #expect(
            try state(.held(runID: StreamScene.runID)) { status in
                status.heldRun = StreamScene.run(.held)
                status.latestRun = status.heldRun
            } == "held")
    }

    @Test func theTriggerIsDescribed() throws {
        #expect(try Schema.violations(of: "Run", in: APIObject.run(StreamScene.run()).text).isEmpty)
        #expect(APIObject.run(StreamScene.run()).text.contains("\"trigger\":\"stream\""))
    }

    @Test func metricsHaveOneSampleForEachStream() throws {
        var metrics = ServiceMetrics()
        let sending = try #require(StreamScene.status(.sending).stream)
        let elsewhere = try #require(StreamScene.status(.elsewhere).stream)
        metrics.streams = [
            try #require(ServiceMetrics.Stream("a\"b", sending)),
            try #require(ServiceMetrics.Stream("other", elsewhere)),
        ]
        var text = MetricsText()
        text.add(metrics)
        let samples = text.text.split(separator: "\n").filter { $0.hasPrefix("rollcall_stream_") }
        #expect(
            samples == [
                "rollcall_stream_lag_seconds{sync=\"a\\\"b\"} 0.4",
                "rollcall_stream_backlog_records{sync=\"a\\\"b\"} 1234",
                "rollcall_stream_records_total{sync=\"a\\\"b\"} 56789",
                "rollcall_stream_records_total{sync=\"other\"} 56789",
            ])
        #expect(text.text.contains("# TYPE rollcall_stream_records_total counter\n"))
        #expect(text.text.contains("# TYPE rollcall_stream_lag_seconds gauge\n"))
    }

    @Test func aStreamOfAnotherProcessHasNoMetrics() throws {
        let idle = StreamScene.status(.elsewhere) { $0.records = 0 }
        #expect(ServiceMetrics.Stream("a", try #require(idle.stream)) == nil)
        let begun = StreamScene.status(.following) { $0.records = 0 }
        #expect(ServiceMetrics.Stream("a", try #require(begun.stream))?.records == 0)
    }
}
