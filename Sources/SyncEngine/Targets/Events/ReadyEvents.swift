import Foundation
import RollcallCore
import Synchronization
import Warehouse

/// A project that takes events.
final class ReadyEvents: ReadyTarget {
    let id: Int64? = nil
    private let sync: SyncSettings
    private let settings: EventSettings
    private let carried: CarriedFields
    private let hasTaken = Mutex(false)
    /// Names of fields that Iterable did not take.
    private let missing = Mutex<Set<String>>([])

    init(sync: SyncSettings, settings: EventSettings, types: [RemoteField]) {
        self.sync = sync
        self.settings = settings
        carried = CarriedFields(types)
    }

    func recordsPerRequest(_ operation: RollcallCore.Operation, _ limits: DestinationLimits) -> Int {
        settings.delivery == .single ? 1 : limits.recordsPerRequest(.events, operation)
    }

    func request(_ operation: RollcallCore.Operation, for changes: ArraySlice<Change>, now: Date) -> DeliveryRequest {
        let events = changes.map { change in
            EventsRequest.Event(
                identity: change.identity, name: change.event?.name ?? "", id: change.event?.id ?? "",
                object: change.payload ?? [])
        }
        if settings.delivery == .single, let event = events.first { return .event(event) }
        return .events(EventsRequest(events: events))
    }

    /// A person whom Iterable does not know may still appear; every other failure is for good, for an event does not change. What the
    /// refusal of a request means may be another thing once Iterable has taken something.
    func outcome(_ outcome: RecordOutcome, of change: Change, now: Date) -> RecordOutcome {
        guard case .failed(let reason) = outcome else { return outcome }
        // That one failed, and not why: it goes again with the same id.
        if reason.code == "unspecified" { return .unknown(reason) }
        // Where nothing was taken yet, it is not this event that is wrong: a proxy, or a setting, may refuse every request.
        if Self.refusalsOfRequests.contains(reason.code), !hasTaken.withLock({ $0 }) { return .notAttempted(reason) }
        guard reason.code == FailureReason.userNotFoundCode, let event = change.event else { return .rejected(reason) }
        let waited = now.timeIntervalSince(event.firstSeen)
        guard waited >= Double(settings.waitForUserSeconds) else {
            var waiting = FailureReason.waitingForUser
            waiting.httpStatus = reason.httpStatus
            return .waiting(waiting)
        }
        var never = FailureReason.userNeverAppeared(after: settings.waitForUserSeconds)
        never.httpStatus = reason.httpStatus
        return .rejected(never)
    }

    private static let refusalsOfRequests = ["bad_request", "invalid_json", "batch_too_large"]

    func took(_ changes: [Change]) {
        if !changes.isEmpty { hasTaken.withLock { $0 = true } }
        carried.add(changes)
    }

    func leftOut(_ fields: [String]) { missing.withLock { $0.formUnion(fields) } }

    /// Whether Iterable has left the field out, or the object that it is a part of: it has no type then.
    private func isMissing(_ field: String, _ missing: Set<String>) -> Bool {
        missing.contains { field == $0 || field.hasPrefix($0 + ".") }
    }

    /// Remembers the types of the fields, which Iterable does not tell.
    func sentAll(_ context: RunContext, isWhole: Bool) async throws {
        let missing = missing.withLock { $0 }
        let names = carried.all
        if names.isEmpty { return }
        // A run that was held has sent what was staged then, perhaps by another configuration: the next run notes the types.
        let run = try await context.warehouse.run(id: context.runID)
        if run?.held.isEmpty == false { return }
        for (name, carried) in names {
            let types = carried.filter { !isMissing($0.name, missing) }
            if types.isEmpty { continue }
            let scope = EventSettings.scope(name)
            let known = try await context.warehouse.knownFields(destination: sync.destination, scope: scope)
            let new = types.filter { type in !known.contains { $0.name.utf8.elementsEqual(type.name.utf8) } }
            if new.isEmpty { continue }
            let fields = new.map { KnownField(name: $0.name, type: $0.type ?? "", createdByRun: context.runID) }
            try await context.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
                try await context.warehouse.noteFields(
                    context.lease, destination: self.sync.destination, scope: scope, fields)
            }
        }
    }

    /// No answer says that of events.
    func isGone(_ run: RunContext) async throws -> RunError {
        RunError(
            code: "unexpected_answer", message: "Iterable answered that there is nothing to send events to",
            hint: "Check base_url, and any proxy between Rollcall and Iterable.")
    }
}
