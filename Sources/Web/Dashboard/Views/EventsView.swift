import Foundation
import RollcallCore
import SyncEngine

/// How far a sync of events has read, and what became of its events.
struct EventsView: PageView {
    struct StateRow: PageView {
        var name: String
        var count: String
    }

    var readTo: String?
    var sweep: TimeView?
    /// nil: none was.
    var late: String?
    /// Those in which there are events.
    var states: [StateRow]

    init(_ cursor: EventCursor?, _ counts: [EventState: Int], now: Date) {
        readTo = cursor.flatMap { cursor in cursor.watermark.map { cursor.text(of: $0) } }
        sweep = cursor?.lastSweepAt.map { TimeView($0, now: now) }
        late = cursor.flatMap { $0.lateRows > 0 ? DisplayText.grouped($0.lateRows) : nil }
        states = EventState.allCases.compactMap { state in
            guard let count = counts[state], count > 0 else { return nil }
            return StateRow(name: state.rawValue.capitalized, count: DisplayText.grouped(count))
        }
    }
}
