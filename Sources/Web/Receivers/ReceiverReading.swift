import Foundation
import Hummingbird
import Receivers
import RollcallCore
import Warehouse

/// What pages, API and metrics read of receivers: ``ReceiverService``, and what tests stand in for it. Receivers may be others with
/// each call, after a reload.
protocol ReceiverReading: Sendable {
    /// Those of the configuration, in its order.
    var receivers: [ReceiverSettings] { get }
    /// One for each receiver.
    func statuses(since: Date) async -> [ReceiverStatus]
    /// The newest events, newest first.
    func events(_ filter: ReceivedFilter) async throws(RunError) -> [ReceivedEventRow]
    /// The newest bodies that were no JSON objects, newest first.
    func rejectedBodies(receiver: String, limit: Int) async throws(RunError) -> [RejectedBody]
    func metrics() -> ReceiverMetrics
}

extension ReceiverService: ReceiverReading {}

extension ReceiverReading {
    /// - Throws: `receiver_unknown`, with the name that may have been meant.
    func status(of name: String, since: Date) async throws(Problem) -> ReceiverStatus {
        guard let status = await statuses(since: since).first(where: { $0.settings.name == name }) else {
            throw .unknownReceiver(name, known: receivers.map(\.name))
        }
        return status
    }
}

extension Problem {
    static func unknownReceiver(_ name: String, known: [String]) -> Problem {
        var hint = "GET /api/v1/receivers lists them."
        if let near = EditDistance.nearest(to: name, among: known) {
            hint = "Did you mean \"\(DisplayText.safe(near, limit: 60))\"? " + hint
        } else if known.isEmpty {
            hint = "Receivers are configured under receivers in rollcall.yaml."
        }
        return Problem(
            .notFound, "receiver_unknown",
            "The configuration has no receiver \"\(DisplayText.safe(name, limit: 60))\".", hint: hint)
    }
}

/// Hours that are counted, the current one among them. Counts are by hours of UTC.
struct CountedHours: Sendable {
    /// Beginnings of the hours, oldest first.
    let hours: [Date]

    init(_ count: Int, until now: Date) {
        let current = (now.timeIntervalSince1970 / 3600).rounded(.down) * 3600
        hours = (0..<count).reversed().map { Date(timeIntervalSince1970: current - Double($0) * 3600) }
    }

    static func day(_ now: Date) -> CountedHours { CountedHours(24, until: now) }
    static func week(_ now: Date) -> CountedHours { CountedHours(168, until: now) }

    /// Since midnight, UTC.
    static func today(_ now: Date) -> CountedHours {
        let seconds = now.timeIntervalSince1970
        let hour = Int(((seconds / 3600).rounded(.down)).truncatingRemainder(dividingBy: 24))
        return CountedHours(hour + 1, until: now)
    }

    var start: Date { hours.first ?? .distantPast }
}

/// How many requests of a receiver had which outcome.
struct OutcomeTally: Sendable, Equatable {
    private(set) var counts: [ReceiverOutcome: Int] = [:]

    init() {}

    /// - Parameter start: only what was counted from this hour on.
    init(_ counts: [ReceiverCount], since start: Date) {
        for count in counts where count.hour >= start { add(count) }
    }

    mutating func add(_ count: ReceiverCount) { counts[count.outcome, default: 0] += count.count }

    subscript(outcome: ReceiverOutcome) -> Int { counts[outcome] ?? 0 }

    private func sum(_ outcomes: [ReceiverOutcome]) -> Int { outcomes.reduce(0) { $0 + self[$1] } }

    /// Those that the warehouse has: new rows, and repeats of rows.
    var kept: Int { sum([.stored, .repeated]) }
    /// Those that the configuration leaves out.
    var leftOut: Int { sum([.filtered, .withoutUser]) }
    /// Those that were answered with an error.
    var refused: Int { sum([.rejected, .unauthorized, .tooLarge, .unavailable]) }
    /// All but the posts of `rollcall receivers test`, of which nothing becomes.
    var total: Int { kept + leftOut + refused }
}

/// A receiver in one word.
enum ReceiverState: String, Sendable, CaseIterable {
    /// Its warehouse cannot be reached.
    case unreachable
    /// Bodies wait in the spool for their warehouse.
    case spooling
    /// Nothing has come for longer than the alert allows.
    case silent
    /// Nothing has come yet.
    case new
    case receiving

    init(_ status: ReceiverStatus) {
        if status.problem != nil || status.summary == nil {
            self = .unreachable
        } else if status.spooledBytes > 0 {
            self = .spooling
        } else if status.summary?.alertState.flatMap(AlertState.init(text:))?.condition == .silent {
            self = .silent
        } else {
            self = status.summary?.latestAt == nil ? .new : .receiving
        }
    }
}
