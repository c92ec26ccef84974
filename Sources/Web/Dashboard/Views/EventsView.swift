import Foundation
import RollcallCore
import SyncEngine

/// How far a sync of events has read, and what became of its events.
struct EventsView: PageView {
    struct StateRow: PageView {
        var name: String
        var count: String
    }

    /// A time to the second.
    struct Second: PageView {
        var iso: String
        var words: String
    }

    /// Where the cursor is a number.
    var readTo: String?
    /// Where it is a time.
    var readUpTo: Second?
    var sweep: TimeView?
    /// nil: none was.
    var late: String?
    /// Those in which there are events.
    var states: [StateRow]

    init(_ cursor: EventCursor?, _ counts: [EventState: Int], now: Date) {
        let position = cursor.flatMap { cursor in cursor.watermark.map { cursor.text(of: $0) } }
        if let position, cursor?.isTime == true, position.contains("T") {
            // `2026-11-29T08:00:00.123456Z` without what is smaller than a second.
            let words = position.prefix { $0 != "." && $0 != "Z" }
            readUpTo = Second(iso: "\(words)Z", words: String(words).replacing("T", with: " "))
        } else {
            readTo = position
        }
        sweep = cursor?.lastSweepAt.map { TimeView($0, now: now) }
        late = cursor.flatMap { $0.lateRows > 0 ? DisplayText.grouped($0.lateRows) : nil }
        states = EventState.allCases.compactMap { state in
            guard let count = counts[state], count > 0 else { return nil }
            return StateRow(name: state.rawValue.capitalized, count: DisplayText.grouped(count))
        }
    }
}
