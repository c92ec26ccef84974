package import Foundation
package import RollcallCore

/// The events that syncs have seen, and how far they have read. The rules of ``Warehouse`` hold.
///
/// What is written of events is written by ``RunStore``: outcomes move a row of `seen_events` as ``EventState`` says, and the
/// cursor of a staged plan becomes the sync's own when its run ends with everything planned having an outcome.
package protocol EventStore: Sendable {
    /// Of any kind that is streamed. nil: nothing was read yet.
    func eventCursor(sync: String) async throws(WarehouseError) -> EventCursor?
    /// The ``EventCursor/begunAt`` that was staged last while nothing counts as read; nil: none was, or ``eventCursor(sync:)`` has it.
    func eventsBegunAt(sync: String) async throws(WarehouseError) -> Date?
    /// Each event that the sync has seen, in one consistent view; memory stays bounded.
    /// - Parameter position: only those at this position or later, those that have none, and those that are unfinished; nil: all.
    func readEvents(
        sync: String, from position: Int64?, _ body: @escaping @Sendable (KnownEvent) throws -> Void
    ) async throws
    /// What is known of the events with these keys, in any order; unknown ones are left out. At most 10,000 at once.
    func knownEvents(sync: String, keys: [Fingerprint]) async throws(WarehouseError) -> [KnownEvent]
    /// A page of the events in these states, with what is sent of them, by their keys; from behind `key`, or from the first one.
    func events(
        sync: String, in states: Set<EventState>, after key: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent]
    /// The events with these ids, in any order; unknown ones are left out. At most 10,000 at once.
    func events(sync: String, ids: [String]) async throws(WarehouseError) -> [StoredEvent]
    /// The events with this key, and those of which the id, or while they are unfinished or refused the email, the userId or the text
    /// of the key, is this text, byte for byte; the latest first.
    func events(
        sync: String, knownAs text: String, key: Fingerprint, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent]
    func eventCounts(sync: String) async throws(WarehouseError) -> [EventState: Int]
    /// Which of these people a sync of users had acknowledged before a time (`synced_records` in the state `synced`, `since` not
    /// later than that). One answer for each, in their order. A person is found by any identifier that is given. At most 10,000 at once.
    func areAcknowledged(
        sync: String, _ people: [Identity], before time: Date
    ) async throws(WarehouseError) -> [Bool]
    /// What the sync's records were made of when they were last staged or sent: of events what makes their ids, of users a hash of what
    /// becomes of a row. nil: nothing is known.
    func mapping(sync: String) async throws(WarehouseError) -> String?
    func saveMapping(_ lease: Lease, _ scheme: String) async throws(WarehouseError)
}

/// What a plan compares of one event.
package struct KnownEvent: Sendable, Equatable {
    /// Keyed hash of its key.
    package var key: Fingerprint
    package var state: EventState
    /// The hash of what was sent last; nil: nothing was.
    package var content: Int64?
    /// The highest at which its row was met; nil: none.
    package var position: Int64?

    package init(key: Fingerprint, state: EventState, content: Int64?, position: Int64? = nil) {
        self.key = key
        self.state = state
        self.content = content
        self.position = position
    }
}

/// A row of `seen_events`.
package struct StoredEvent: Sendable, Equatable {
    package var key: Fingerprint
    package var state: EventState
    /// As it is sent; nil where it was skipped.
    package var id: String?
    /// nil once it was sent, or where it was skipped: nothing but key, id, content and position is kept then.
    package var event: EventReference?
    package var position: Int64?
    /// The text of its key; nil once it was sent, or where it was skipped.
    package var recordKey: String?
    package var identity: Identity
    package var content: Int64?
    /// The JSON object as it is sent; nil once it was sent, or where it was skipped.
    package var payload: [UInt8]?
    /// Why Iterable refused it, or why it waits.
    package var reason: FailureReason?
    package var runID: String
    /// When it got its state.
    package var at: Date

    package init(
        key: Fingerprint, state: EventState, id: String?, event: EventReference?, position: Int64? = nil,
        recordKey: String? = nil,
        identity: Identity = Identity(email: nil, userID: nil), content: Int64? = nil, payload: [UInt8]? = nil,
        reason: FailureReason? = nil, runID: String, at: Date
    ) {
        self.key = key
        self.state = state
        self.id = id
        self.event = event
        self.position = position
        self.recordKey = recordKey
        self.identity = identity
        self.content = content
        self.payload = payload
        self.reason = reason
        self.runID = runID
        self.at = at
    }
}
