import Foundation
import RollcallCore
import SyncEngine
import Testing

@testable import Web

/// A sync that is streamed, as pages and API see it.
enum StreamScene {
    /// 2027-01-15 12:00:30 UTC
    static let now = Date(timeIntervalSince1970: 1_800_014_430)

    static let problem = StreamStatus.Failure(
        code: "fields_unknown", message: "the table \"orders\" is gone", triesAgainAt: now.addingTimeInterval(33))

    static let phases: [StreamStatus.Phase] = [
        .starting, .following, .sending, .paused, .held(runID: runID), .elsewhere, .failing(problem),
    ]

    static let runID = "0198c5f0-0000-7000-8000-000000000000"

    static func settings(_ change: (inout SyncSettings) -> Void = { _ in }) -> SyncSettings {
        var sync = SyncSettings(
            name: "orders", warehouse: "shop", destination: "marketing", audience: .table(["orders"]),
            list: .name("none", description: nil))
        var events = EventSettings(key: ["id"], name: .constant("order"), namespace: "orders")
        events.cursor = EventSettings.Cursor(column: "loaded_at")
        sync.target = .events(events)
        sync.stream = StreamSettings()
        change(&sync)
        return sync
    }

    /// - Parameter phase: nil: this process has not begun the stream.
    static func status(
        _ phase: StreamStatus.Phase?, lag: Double = 0.4, settings: SyncSettings = StreamScene.settings(),
        change: (inout StreamStatus) -> Void = { _ in }
    ) -> SyncStatus {
        var status = SyncStatus(settings: settings)
        guard let phase else { return status }
        var stream = StreamStatus()
        stream.phase = phase
        stream.lagSeconds = lag
        stream.backlog = 1234
        stream.records = 56_789
        stream.recordsPerSecond = 12.3
        stream.latestReadAt = now.addingTimeInterval(-3)
        change(&stream)
        status.stream = stream
        return status
    }

    static func run(_ status: RunStatus = .running, _ trigger: RunTrigger = .stream) -> SyncRun {
        var run = SyncRun(
            id: runID, sync: "orders", destination: "marketing", trigger: trigger, status: status,
            startedAt: now.addingTimeInterval(-30))
        run.kind = .events
        return run
    }

    /// The overview with this one sync.
    static func card(_ status: SyncStatus) throws -> String {
        let view = OverviewView(
            frame: Frame(title: "Syncs", version: "test"), problems: [], cards: [SyncCard(status, runs: [], now: now)])
        return try PageRenderer().render(view, "overview")
    }

    /// The page of the sync, as an operator sees it.
    static func page(_ status: SyncStatus, ticks: [Tick] = []) throws -> String {
        let frame = Frame(title: "orders", version: "test", isOperator: true)
        let view = SyncView(
            status, history: [], page: [], older: nil, ticks: ticks, frame: frame, now: now)
        return try PageRenderer().render(view, "sync")
    }

    /// What stands beside a term of a list; nil: the term is not there.
    static func fact(_ term: String, in html: String) throws -> String? {
        let terms = html.matches(of: /<dt>([^<]*)<\/dt><dd[^>]*>(.*?)<\/dd>/)
        return terms.first { $0.output.1 == term }.map { String($0.output.2.replacing(/<[^>]*>/, with: "")) }
    }
}
