import Foundation
import RollcallCore
import SyncEngine
import Synchronization

/// How many events of each sync are in each state, as it was when its latest run had begun or ended: to count millions
/// takes a second, and pages that follow a run are made again every second. Those of a stream, whose runs take an hour, are
/// counted once a minute.
final class EventTally: Sendable {
    private struct Entry {
        /// The latest run and its status, of a stream the minute too.
        var run: String
        var counts: [EventState: Int]
    }

    private let known = Mutex<[String: Entry]>([:])

    func counts(_ status: SyncStatus, _ service: SyncService, now: Date) async throws(ServiceError) -> [EventState: Int]
    {
        let sync = status.settings.name
        var run = status.latestRun.map { "\($0.id) \($0.status.rawValue)" } ?? ""
        if status.settings.stream != nil { run += " \(TimeView.minute(now))" }
        if let entry = known.withLock({ $0[sync] }), entry.run == run { return entry.counts }
        let counts = try await service.eventCounts(sync)
        known.withLock { $0[sync] = Entry(run: run, counts: counts) }
        return counts
    }
}
