import Foundation
import RollcallCore
import Warehouse

/// Finds out what a sync of events has sent until now. Of a project there is nothing to find: it takes every event.
struct EventsResolver: TargetResolver {
    let sync: SyncSettings
    let settings: EventSettings
    let project: ListProject
    let planner: EventPlanner
    let warehouse: any Warehouse
    /// Whether the sync goes on although what its ids are made of has changed.
    var acceptsNewIDs = false

    /// As `sync_state` has it.
    static let scope = "events"

    func find() async throws -> any FoundTarget {
        let shape = try await planner.shape()
        let counts = try await warehouse.eventCounts(sync: sync.name)
        return FoundEvents(
            resolver: self, shape: shape, binding: try await warehouse.listBinding(sync: sync.name),
            scheme: (try await warehouse.mapping(sync: sync.name)).flatMap {
                // Of a sync that was one of users.
                $0.hasPrefix(UsersResolver.scope) ? nil : $0
            },
            cursor: try await warehouse.eventCursor(sync: sync.name), hasEvents: counts.values.contains { $0 > 0 })
    }

    /// What the ids are made of: another one gives every event another id.
    /// - Parameter families: of the key's columns, in their order; none: as versions have written it that knew of no types.
    func scheme(_ families: [ColumnFamily]) -> String {
        let key = settings.key.enumerated().map { place, name in
            let family = place < families.count ? families[place].inScheme : nil
            return "\"\(name)\"" + (family.map { " (\($0))" } ?? "")
        }.joined(separator: ", ")
        switch settings.id {
        case .derived: return "namespace \"\(settings.namespace)\", key \(key)"
        case .column(let column): return "column \"\(column)\", key \(key)"
        }
    }
}

extension EventsResolver {
    /// Whether ids made by a scheme that was saved are those of today. Where it says nothing of the type of a column, or nothing is
    /// known of it now, the column may be as it was.
    func isSame(_ saved: String, _ families: [ColumnFamily]) -> Bool {
        if saved == scheme(families) { return true }
        guard ColumnFamily.withoutFamilies(saved) == scheme([]) else { return false }
        return zip(settings.key, families).allSatisfy { name, family in
            guard let now = family.inScheme, let start = saved.range(of: "\"\(name)\" (") else { return true }
            return saved[start.upperBound...].hasPrefix(now + ")")
        }
    }
}

/// A sync of events, as a run meets it.
struct FoundEvents: PlanningTarget {
    let resolver: EventsResolver
    let shape: RecordShape
    /// What the sync sent to until now.
    let binding: ListBinding?
    /// What its ids were made of; nil: nothing is known.
    let scheme: String?
    let cursor: EventCursor?
    let hasEvents: Bool

    let id: Int64? = nil
    var name: String? { resolver.settings.target }
    let isThere = true

    private var sync: SyncSettings { resolver.sync }

    /// What its ids are made of now.
    private var schemeNow: String { resolver.scheme(shape.events?.keyFamilies ?? []) }

    func refusal() async throws -> RunError? {
        let hasBegun = hasEvents || cursor != nil
        if hasBegun, let known = binding?.project?.baseURL, known != resolver.project.baseURL {
            return isAnother(known)
        }
        // Also where nothing was sent yet: a held run has the ids that it was staged with.
        if !resolver.acceptsNewIDs, let scheme, !resolver.isSame(scheme, shape.events?.keyFamilies ?? []) {
            return hasNewIDs(scheme)
        }
        return isOnAnotherColumn
    }

    private func isAnother(_ known: String) -> RunError {
        RunError(
            code: "project_changed",
            message: "sync \(sync.name) has sent events to \(known), and the configuration names"
                + " \(resolver.project.baseURL) now",
            hint: "`rollcall abandon \(sync.name)` forgets what it sent there. Or give the sync another name.")
    }

    private func hasNewIDs(_ scheme: String) -> RunError {
        let isOfAnotherType = ColumnFamily.withoutFamilies(scheme) == resolver.scheme([])
        let remedy =
            isOfAnotherType
            ? "A column of the key has another type now: give it the former one again, or cast it to that in a query."
            : "Put key, event.id and event.namespace back as they were."
        return RunError(
            code: "event_ids_changed",
            message: "the ids of the events of \(sync.name) were made of \(scheme), and would be made of"
                + " \(schemeNow) now: an event would get another id than it was sent with",
            hint:
                remedy + " `rollcall run \(sync.name) --accept-new-ids` goes on"
                + " with the new ids; rows that were sent and have another key now are then sent again, as other events."
        )
    }

    /// By another column, rows would lie elsewhere than their keys, and below a moved cursor keys are forgotten: what was sent would
    /// count as new.
    private var isOnAnotherColumn: RunError? {
        guard let cursor, !cursor.column.isEmpty else { return nil }
        let column = resolver.settings.cursor?.column
        if column == nil, cursor.keepFrom == nil { return nil }
        if let column, column.utf8.elementsEqual(cursor.column.utf8), shape.events?.isTime == cursor.isTime {
            return nil
        }
        let now = column.map { "column \"\($0)\"" } ?? "no column"
        return RunError(
            code: "cursor_changed",
            message:
                "sync \(sync.name) has followed the column \"\(cursor.column)\" until now, and would follow \(now); what it"
                + " sent long ago is not kept, and would be sent again",
            hint:
                "Put cursor.column back, with a column of the same type. `rollcall abandon \(sync.name)` begins the sync from"
                + " start: again.")
    }

    func take(_ run: RunContext) async throws {
        if let refusal = try await refusal() { throw refusal }
        let binding = ListBinding(
            sync: sync.name, destination: sync.destination, listName: EventsResolver.scope, listID: nil,
            project: resolver.project)
        try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await run.warehouse.saveListBinding(run.lease, binding)
        }
        let schemeNow = self.schemeNow
        // Where less is known of the columns now, what was known stays.
        if let scheme, resolver.isSame(scheme, shape.events?.keyFamilies ?? []),
            scheme.utf8.count >= schemeNow.utf8.count
        {
            return
        }
        try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await run.warehouse.saveMapping(run.lease, schemeNow)
        }
    }

    func ensure(_ run: RunContext) async throws -> any ReadyTarget {
        ReadyEvents(sync: sync, settings: resolver.settings, types: shape.types)
    }

    /// What a stream finds in one look.
    func look(key: [UInt8], _ look: StreamLook) async throws -> Plan {
        try await resolver.planner.plan(shape, key: key, resend: PlanScope(), isShown: false, stream: look)
    }

    func plan(key: [UInt8], runID: String, resend: PlanScope, mayWrite: Bool) async throws -> Plan {
        if let misuse = resend.misuse(of: sync) { throw misuse }
        return try await resolver.planner.plan(shape, key: key, resend: resend, isShown: runID.isEmpty)
    }
}

extension ColumnFamily {
    /// As ``EventsResolver/scheme(_:)`` names it: columns of different names give one value different texts, or different ids. nil: it
    /// says nothing of the column's values.
    fileprivate var inScheme: String? {
        switch self {
        case .long: "long"
        // The same family of ids; but where the digits behind the point are declared, every value has them in its text.
        case .number: "number"
        case .decimal: "decimal"
        case .boolean: "boolean"
        case .date: "date"
        case .timestamp, .localTimestamp: "timestamp"
        case .text: "string"
        case .json, .array, .undeclared, .unsupported: nil
        }
    }

    /// What stays of a scheme when nothing is said of types.
    fileprivate static func withoutFamilies(_ scheme: String) -> String {
        let families: [ColumnFamily] = [.long, .number, .decimal, .boolean, .date, .timestamp, .text]
        return families.compactMap(\.inScheme).reduce(scheme) { scheme, family in
            scheme.replacingOccurrences(of: "\" (\(family))", with: "\"")
        }
    }
}
