internal import Foundation
internal import RollcallCore

/// Reads `start`.
enum StartReader {
    static func read(_ sync: SectionReader) -> EventSettings.Start? {
        let key = EventSyncKeys.start
        guard let (text, _) = sync.freeText(key) else { return nil }
        switch text.value {
        case EventSyncKeys.now: return .now
        case EventSyncKeys.all: return .all
        default: break
        }
        if let time = time(text.value) { return .time(time) }
        return sync.span(
            text, key, wrong: "is neither a time nor a span of time", suggestion: meant(by: text.value),
            expected: "now, all, a time such as 2026-11-21T06:00:00Z, a date, or a span such as 30d"
        ).map { .last(seconds: $0) }
    }

    private static func time(_ text: String) -> Date? {
        // Without a hyphen it can only be a span before now, which is another thing here.
        text.contains("-") ? PastTime.parse(text, now: Date(timeIntervalSince1970: 0)) : nil
    }

    private static func meant(by text: String) -> String? {
        if let word = Suggestion.nearest(to: text, among: [EventSyncKeys.now, EventSyncKeys.all]) { return word }
        // A blank before the time of day or the zone, and a zone or seconds that are missing.
        let parts = text.split(separator: " ", maxSplits: 1)
        let joined = parts.joined(separator: "T").filter { $0 != " " }
        return [joined, "\(joined)Z", "\(joined):00Z"].first { time($0) != nil }
    }
}
