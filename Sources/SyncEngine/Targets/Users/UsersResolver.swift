import Crypto
import Foundation
import RollcallCore
import Warehouse

/// Finds out which fields the profiles of a project have.
struct UsersResolver: TargetResolver {
    let sync: SyncSettings
    let users: UserSettings
    let project: ListProject
    let planner: RecordPlanner
    let warehouse: any Warehouse
    let destination: any Destination
    let clock: any EngineClock
    let stop: StopSignal

    /// As `destination_fields` and `sync_state` have it.
    static let scope = "users"

    var calls: DestinationCalls { DestinationCalls(clock: clock, stop: stop) }

    func find() async throws -> any FoundTarget {
        let shape = try await planner.shape()
        let counts = try await warehouse.memberCounts(sync: sync.name, of: planner.entries)
        return FoundUsers(
            resolver: self, shape: shape, fields: try await remoteFields(),
            binding: try await warehouse.listBinding(sync: sync.name), hasRecords: counts.values.contains { $0 > 0 },
            mapping: mapping(shape),
            sentMapping: (try await warehouse.mapping(sync: sync.name)).flatMap { $0.hasPrefix(Self.scope) ? $0 : nil })
    }

    /// What becomes of a row, as `sync_state` has it. It begins with the kind: the sync may have been one of events, of which the
    /// column says something else.
    func mapping(_ shape: RecordShape) -> String {
        Self.scope + " " + SHA256.hash(data: Data("\(users.nested.rawValue)\n\(shape.mapping)".utf8)).hexadecimal
    }

    func save(_ mapping: String, _ run: RunContext) async throws {
        try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await run.warehouse.saveMapping(run.lease, mapping)
        }
    }

    func remoteFields() async throws -> [RemoteField] {
        try await calls.retrying { () async throws(DestinationError) in try await destination.profileFields() }
    }

    /// By what the people of the sync are found.
    var identifiedAs: ProjectType {
        if case .people(_, _, let project) = planner.subject { project } else { .email }
    }

    /// Notes what the sync sends to, and with which key.
    func bind(_ run: RunContext) async throws {
        try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await run.warehouse.saveListBinding(run.lease, binding)
        }
    }

    var binding: ListBinding {
        ListBinding(
            sync: sync.name, destination: sync.destination, listName: Self.scope, listID: nil, project: project)
    }
}
