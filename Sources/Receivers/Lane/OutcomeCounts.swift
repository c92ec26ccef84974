import Foundation
import RollcallCore
import Synchronization

/// Requests that had an outcome and are not yet counted in the warehouse.
final class OutcomeCounts: Sendable {
    private struct Key: Hashable {
        var receiver: String
        /// Hours since 1970.
        var hour: Int
        var outcome: ReceiverOutcome
    }

    private let counts = Mutex<[Key: Int]>([:])

    var isEmpty: Bool { counts.withLock { $0.isEmpty } }

    /// - Returns: whether it is the first since all were taken.
    func add(_ receiver: String, _ outcome: ReceiverOutcome, at time: Date) -> Bool {
        let hour = Int((time.timeIntervalSince1970 / 3600).rounded(.down))
        return counts.withLock { counts in
            defer { counts[Key(receiver: receiver, hour: hour, outcome: outcome), default: 0] += 1 }
            return counts.isEmpty
        }
    }

    func takeAll() -> [ReceiverCount] {
        let taken = counts.withLock { counts in
            defer { counts = [:] }
            return counts
        }
        return taken.map { key, count in
            ReceiverCount(
                receiver: key.receiver, hour: Date(timeIntervalSince1970: Double(key.hour) * 3600),
                outcome: key.outcome, count: count)
        }
        .sorted { ($0.receiver, $0.hour, $0.outcome.rawValue) < ($1.receiver, $1.hour, $1.outcome.rawValue) }
    }

    func putBack(_ taken: [ReceiverCount]) {
        counts.withLock { counts in
            for count in taken {
                let hour = Int((count.hour.timeIntervalSince1970 / 3600).rounded(.down))
                let key = Key(receiver: count.receiver, hour: hour, outcome: count.outcome)
                counts[key, default: 0] += count.count
            }
        }
    }
}

/// Requests since the start of the process.
final class OutcomeTotals: Sendable {
    struct Key: Hashable {
        var receiver: String
        var outcome: ReceiverOutcome
    }

    private let totals = Mutex<[Key: Int]>([:])

    func add(_ receiver: String, _ outcome: ReceiverOutcome, _ count: Int = 1) {
        totals.withLock { $0[Key(receiver: receiver, outcome: outcome), default: 0] += count }
    }

    var all: [Key: Int] { totals.withLock { $0 } }
}
