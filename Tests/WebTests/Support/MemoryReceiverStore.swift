import Foundation
import RollcallCore
import Synchronization
import Warehouse

/// A warehouse in memory that keeps what receivers take.
final class MemoryReceiverStore: ReceiverStore {
    private struct State {
        var sequences: [String: Int64] = [:]
        var events: [ReceivedEventRow] = []
        var rejects: [RejectedBody] = []
        var counts: [ReceiverCount] = []
    }

    private let state = Mutex(State())

    var events: [ReceivedEvent] { state.withLock { $0.events.map(\.event) } }

    func schemaVersion() async throws(WarehouseError) -> Int? { 1 }
    func migrate() async throws(WarehouseError) -> MigrationResult { MigrationResult(from: 1, to: 1) }
    func diagnose(_ sources: [AudienceSource]) async -> [Finding] { [] }
    func receiverKey() async throws(WarehouseError) -> [UInt8] { [UInt8](repeating: 7, count: 32) }

    func now() async throws(WarehouseError) -> Date { Date() }

    func storeReceived(_ groups: [ReceivedGroup]) async throws(WarehouseError) -> StoredGroups {
        state.withLock { state in
            var stored = StoredGroups()
            for group in groups { Self.store(group, &state, &stored) }
            return stored
        }
    }

    private static func store(_ group: ReceivedGroup, _ state: inout State, _ stored: inout StoredGroups) {
        guard group.sequence > state.sequences[group.writer] ?? 0 else {
            stored.skipped += 1
            return
        }
        state.sequences[group.writer] = group.sequence
        for event in group.events {
            if let place = state.events.firstIndex(where: { $0.event.eventID == event.eventID }) {
                state.events[place].deliveries += 1
                stored.repeated[event.receiver, default: 0] += 1
            } else {
                state.events.append(ReceivedEventRow(event: event, lastReceivedAt: event.receivedAt, deliveries: 1))
                stored.stored[event.receiver, default: 0] += 1
            }
        }
        state.rejects += group.rejects
        state.counts += group.counts
    }

    func pruneReceived(receiver: String, before time: Date, limit: Int) async throws(WarehouseError) -> Int { 0 }

    func receiverSummaries(
        _ receivers: [String], since: Date
    ) async throws(WarehouseError) -> [String: ReceiverSummary] {
        state.withLock { state in
            var summaries: [String: ReceiverSummary] = [:]
            for receiver in receivers {
                var summary = ReceiverSummary()
                let own = state.events.filter { $0.event.receiver == receiver }
                summary.latestAt = own.map(\.event.receivedAt).max()
                summary.newest = own.count
                summary.counts = state.counts.filter { $0.receiver == receiver && $0.hour >= since }
                summaries[receiver] = summary
            }
            return summaries
        }
    }

    func receivedEvents(_ filter: ReceivedFilter) async throws(WarehouseError) -> [ReceivedEventRow] {
        state.withLock { state in
            Array(state.events.reversed().filter { $0.event.receiver == filter.receiver }.prefix(filter.limit))
        }
    }

    func rejectedBodies(receiver: String, limit: Int) async throws(WarehouseError) -> [RejectedBody] {
        state.withLock { Array($0.rejects.reversed().prefix(limit)) }
    }

    func changeReceiverAlert(receiver: String, from old: String?, to new: String) async throws(WarehouseError) -> Bool {
        true
    }
}
