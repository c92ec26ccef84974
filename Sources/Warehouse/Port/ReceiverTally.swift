import Foundation
import RollcallCore

/// What is added to `receiver_counts`: one number for each receiver, hour and outcome.
struct ReceiverTally {
    private struct Place: Hashable, Comparable {
        var receiver: String
        /// Hours since 1970.
        var hour: Int64
        var outcome: ReceiverOutcome

        static func < (first: Place, second: Place) -> Bool {
            (first.receiver, first.hour, first.outcome.rawValue) < (
                second.receiver, second.hour, second.outcome.rawValue
            )
        }
    }

    private var counts: [Place: Int] = [:]

    /// Begins with the counts that a group brings along.
    init(_ group: ReceivedGroup) {
        for count in group.counts { add(count.outcome, count.receiver, at: count.hour, count.count) }
    }

    /// - Parameter time: any in the hour.
    mutating func add(_ outcome: ReceiverOutcome, _ receiver: String, at time: Date, _ count: Int = 1) {
        counts[Place(receiver: receiver, hour: Self.hours(time), outcome: outcome), default: 0] += count
    }

    /// All that are not 0, always in the same order, so that processes that count at once do not wait for each other in a circle.
    var ordered: [ReceiverCount] {
        counts.filter { $0.value != 0 }.sorted { $0.key < $1.key }.map { place, count in
            ReceiverCount(
                receiver: place.receiver, hour: Date(timeIntervalSince1970: Double(place.hour) * Self.seconds),
                outcome: place.outcome, count: count)
        }
    }

    /// The beginning of the hour that a time is in.
    static func hour(_ time: Date) -> Date { Date(timeIntervalSince1970: Double(hours(time)) * seconds) }

    private static let seconds = 3600.0

    /// Of the time to the millisecond, as it is stored. Times that are none, and those of other years than 1 to 9999, count as
    /// the nearest hour.
    private static func hours(_ time: Date) -> Int64 {
        let milliseconds = (time.timeIntervalSince1970 * 1000).rounded()
        let hours = (milliseconds / (seconds * 1000)).rounded(.down)
        return hours.isNaN ? 0 : Int64(max(-17_259_888, min(70_389_527, hours)))
    }
}
