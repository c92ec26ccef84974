import Foundation
import Receivers
import RollcallCore
import Synchronization
import Warehouse

@testable import Web

/// Receivers as pages and API see them, with what the test puts there.
final class ReceiverShelf: ReceiverReading {
    struct Contents: Sendable {
        var statuses: [ReceiverStatus] = []
        var events: [ReceivedEventRow] = []
        var rejects: [RejectedBody] = []
        var metrics = ReceiverMetrics()
        /// Why events cannot be read.
        var problem: RunError?
    }

    private let contents: Mutex<Contents>

    init(_ names: String..., change: (inout Contents) -> Void = { _ in }) {
        var contents = Contents()
        contents.statuses = names.map { name in
            ReceiverStatus(settings: Self.settings(name), summary: ReceiverSummary())
        }
        change(&contents)
        self.contents = Mutex(contents)
    }

    static func settings(_ name: String) -> ReceiverSettings {
        ReceiverSettings(
            name: name, path: "/hooks/\(name)", warehouse: "shop", credentials: [.token(Secret("project:key"))])
    }

    /// An event that arrived this number of seconds ago.
    static func event(
        _ number: Int, of receiver: String = "engagement", secondsAgo: Double, now: Date = Date(),
        change: (inout ReceivedEvent) -> Void = { _ in }
    ) -> ReceivedEventRow {
        let digits = String(number, radix: 16)
        let id = String(repeating: "0", count: 64 - digits.count) + digits
        // As warehouses keep it: whole milliseconds.
        let time = Date(timeIntervalSince1970: (now.timeIntervalSince1970 - secondsAgo).rounded())
        var event = ReceivedEvent(eventID: id, receiver: receiver, receivedAt: time, payload: Array("{}".utf8))
        event.eventName = "emailOpen"
        event.email = "p\(number)@example.com"
        change(&event)
        return ReceivedEventRow(event: event, lastReceivedAt: time, deliveries: 1)
    }

    func change(_ body: (inout Contents) -> Void) { contents.withLock { body(&$0) } }

    var receivers: [ReceiverSettings] { contents.withLock { $0.statuses.map(\.settings) } }

    func statuses(since: Date) async -> [ReceiverStatus] {
        contents.withLock { contents in
            contents.statuses.map { status in
                var status = status
                status.summary?.counts.removeAll { $0.hour < since }
                return status
            }
        }
    }

    func events(_ filter: ReceivedFilter) async throws(RunError) -> [ReceivedEventRow] {
        let contents = contents.withLock { $0 }
        if let problem = contents.problem { throw problem }
        let found = contents.events.filter { row in
            let event = row.event
            let isWanted = filter.eventName == nil || event.eventName == filter.eventName
            let isBefore = filter.before.map { (event.receivedAt, event.eventID) < ($0.time, $0.eventID) } ?? true
            return event.receiver == filter.receiver && isWanted && isBefore
        }
        .sorted { ($0.event.receivedAt, $0.event.eventID) > ($1.event.receivedAt, $1.event.eventID) }
        return Array(found.prefix(filter.limit))
    }

    func rejectedBodies(receiver: String, limit: Int) async throws(RunError) -> [RejectedBody] {
        contents.withLock { Array($0.rejects.filter { $0.receiver == receiver }.prefix(limit)) }
    }

    func metrics() -> ReceiverMetrics { contents.withLock { $0.metrics } }
}
