import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// A warehouse with state tables, and words for what Iterable posts.
struct ReceiverScene: Sendable {
    let fixture: any WarehouseFixture
    let store: any ReceiverStore

    static let receiver = "engagement"
    /// Noon of a day.
    static let noon = Date(timeIntervalSince1970: 1_800_014_400)

    static func make(_ fixture: any WarehouseFixture) async throws -> ReceiverScene {
        let store = try #require(fixture.warehouse as? any ReceiverStore)
        _ = try await store.migrate()
        return ReceiverScene(fixture: fixture, store: store)
    }

    /// As another process has it.
    func second() throws -> any ReceiverStore { try #require(try fixture.second() as? any ReceiverStore) }

    static func id(_ number: Int) -> String { String(format: "%064x", number) }

    /// - Parameters:
    ///   - number: what the id is made of.
    ///   - seconds: when it arrived, from noon on.
    static func event(
        _ number: Int, at seconds: Double = 0, receiver: String = receiver, name: String? = "emailOpen",
        payload: String = "{}"
    ) -> ReceivedEvent {
        var event = ReceivedEvent(
            eventID: id(number), receiver: receiver, receivedAt: noon.addingTimeInterval(seconds),
            payload: Array(payload.utf8))
        event.eventName = name
        return event
    }

    static func group(_ sequence: Int64, _ events: [ReceivedEvent], writer: String = "w-1") -> ReceivedGroup {
        ReceivedGroup(writer: writer, sequence: sequence, events: events)
    }

    @discardableResult
    func store(_ sequence: Int64, _ events: [ReceivedEvent], writer: String = "w-1") async throws -> StoredGroup {
        try await store.storeReceived(Self.group(sequence, events, writer: writer))
    }

    func query(_ columns: String, _ table: String, _ rest: String = "") async throws -> [[String?]] {
        try await fixture.query("SELECT \(columns) FROM \(fixture.state(table)) \(rest)")
    }

    /// Number and deliveries of each row, by number.
    func deliveries() async throws -> [Int: Int] {
        let rows = try await query("event_id, deliveries", "iterable_events")
        return Dictionary(
            uniqueKeysWithValues: rows.map { (Int($0[0] ?? "", radix: 16) ?? -1, $0[1]?.asInt ?? -1) })
    }

    /// `hours from noon, outcome, count`, oldest first.
    func counts(_ receiver: String = receiver, since seconds: Double = -1e7) async throws -> [String] {
        let summaries = try await store.receiverSummaries([receiver], since: Self.noon.addingTimeInterval(seconds))
        return (summaries[receiver]?.counts ?? []).map {
            "\(Int($0.hour.timeIntervalSince(Self.noon) / 3600)) \($0.outcome.rawValue) \($0.count)"
        }
    }
}
