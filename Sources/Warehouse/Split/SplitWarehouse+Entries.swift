package import Foundation
package import RollcallCore

/// The snapshot and events: all of it is the state's.
extension SplitWarehouse {
    // MARK: EntryStore

    package func noteStrays(_ run: SyncRun, _ changes: [Change], settleSeconds: Double) async throws(WarehouseError) {
        try await state.noteStrays(run, changes, settleSeconds: settleSeconds)
    }

    package func applyStrayNotes(_ lease: Lease) async throws(WarehouseError) -> Int {
        try await state.applyStrayNotes(lease)
    }

    package func fingerprintKey(sync: String, newKey: [UInt8]?) async throws(WarehouseError) -> [UInt8]? {
        try await state.fingerprintKey(sync: sync, newKey: newKey)
    }

    package func readSnapshot(
        sync: String, of entries: EntrySet, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, Fingerprint, MemberState, _ listed: Bool) throws -> Void
    ) async throws {
        try await state.readSnapshot(sync: sync, of: entries, parts: parts, body)
    }

    package func readContents(
        sync: String, of entries: EntrySet, _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws {
        try await state.readContents(sync: sync, of: entries, body)
    }

    package func readContents(
        sync: String, of kind: RecordKind, fingerprints: [Fingerprint],
        _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws(WarehouseError) {
        try await state.readContents(sync: sync, of: kind, fingerprints: fingerprints, body)
    }

    package func snapshotGeneration(sync: String) async throws(WarehouseError) -> Int64? {
        try await state.snapshotGeneration(sync: sync)
    }

    package func members(
        sync: String, of entries: EntrySet, fingerprints: [Fingerprint]
    ) async throws(WarehouseError) -> [Member] {
        try await state.members(sync: sync, of: entries, fingerprints: fingerprints)
    }

    package func members(
        sync: String, of entries: EntrySet, knownAs identity: Identity
    ) async throws(WarehouseError) -> [MemberEntry] {
        try await state.members(sync: sync, of: entries, knownAs: identity)
    }

    package func owners(
        sync: String, of kind: RecordKind, identities: [Identity]
    ) async throws(WarehouseError) -> [Member] {
        try await state.owners(sync: sync, of: kind, identities: identities)
    }

    package func entries(
        sync: String, of entries: EntrySet, in states: Set<MemberState>, after fingerprint: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [MemberEntry] {
        try await state.entries(sync: sync, of: entries, in: states, after: fingerprint, limit: limit)
    }

    package func memberCounts(sync: String, of entries: EntrySet) async throws(WarehouseError) -> [MemberState: Int] {
        try await state.memberCounts(sync: sync, of: entries)
    }

    package func requestsInDoubt(sync: String, of entries: EntrySet) async throws(WarehouseError) -> [RequestInDoubt] {
        try await state.requestsInDoubt(sync: sync, of: entries)
    }

    // MARK: EventStore

    package func eventCursor(sync: String) async throws(WarehouseError) -> EventCursor? {
        try await state.eventCursor(sync: sync)
    }

    package func eventsBegunAt(sync: String) async throws(WarehouseError) -> Date? {
        try await state.eventsBegunAt(sync: sync)
    }

    package func readEvents(
        sync: String, from position: Int64?, _ body: @escaping @Sendable (KnownEvent) throws -> Void
    ) async throws {
        try await state.readEvents(sync: sync, from: position, body)
    }

    package func knownEvents(sync: String, keys: [Fingerprint]) async throws(WarehouseError) -> [KnownEvent] {
        try await state.knownEvents(sync: sync, keys: keys)
    }

    package func events(
        sync: String, in states: Set<EventState>, after key: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent] {
        try await state.events(sync: sync, in: states, after: key, limit: limit)
    }

    package func events(sync: String, ids: [String]) async throws(WarehouseError) -> [StoredEvent] {
        try await state.events(sync: sync, ids: ids)
    }

    package func events(
        sync: String, knownAs text: String, key: Fingerprint, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent] {
        try await state.events(sync: sync, knownAs: text, key: key, limit: limit)
    }

    package func eventCounts(sync: String) async throws(WarehouseError) -> [EventState: Int] {
        try await state.eventCounts(sync: sync)
    }

    package func areAcknowledged(
        sync: String, _ people: [Identity], before time: Date
    ) async throws(WarehouseError) -> [Bool] {
        try await state.areAcknowledged(sync: sync, people, before: time)
    }

    package func mapping(sync: String) async throws(WarehouseError) -> String? {
        try await state.mapping(sync: sync)
    }

    package func saveMapping(_ lease: Lease, _ scheme: String) async throws(WarehouseError) {
        try await state.saveMapping(lease, scheme)
    }
}
