import Foundation
import RollcallCore
import Warehouse

/// Finds the list that a sync keeps, or makes it, once.
struct ListResolver: TargetResolver {
    let sync: SyncSettings
    let list: ListTarget
    let project: ListProject
    /// Other syncs of the configuration in the same project.
    let neighbours: [SyncSettings]
    let planner: Planner
    let warehouse: any Warehouse
    let destination: any Destination
    let clock: any EngineClock
    let stop: StopSignal

    private var calls: DestinationCalls { DestinationCalls(clock: clock, stop: stop) }

    func find() async throws -> any FoundTarget {
        var found = try await findList()
        guard let shape = try await planner.shape() else { return found }
        found.shape = shape
        found.fields = try await calls.retrying { () async throws(DestinationError) in
            try await destination.profileFields()
        }
        return found
    }

    /// The list as far as it exists, by Iterable's own account: one call. Writes nothing.
    /// - Throws: `RunError` `list_not_found`, `list_ambiguous`, `list_type`.
    func findList() async throws -> FoundList {
        let known = try await warehouse.listBinding(sync: sync.name)
        let lists = try await calls.retrying { () async throws(DestinationError) in try await destination.lists() }
        var binding = try resolve(known, lists)
        binding?.project = project
        return FoundList(
            resolver: self, binding: binding, remoteName: lists.first { $0.id == binding?.listID }?.name,
            keepers: neighbours.filter { keeps($0, binding, lists) })
    }

    private func resolve(_ known: ListBinding?, _ lists: [RemoteList]) throws -> ListBinding? {
        switch list {
        case .id(let id):
            guard let list = lists.first(where: { $0.id == id }) else { throw gone }
            guard list.listType == "Standard" else { throw wrongType(list.name, list) }
            return ListBinding(sync: sync.name, destination: sync.destination, listName: nil, listID: id)
        case .name(let name, _):
            let isSame =
                known?.destination == sync.destination && known?.listName?.utf8.elementsEqual(name.utf8) == true
            if isSame, let known, known.goneAt == nil, isThere(known, lists) { return known }
            return try adopt(name, previous: isSame ? known : nil, lists)
        }
    }

    /// A list just made need not be shown yet.
    private func isThere(_ known: ListBinding, _ lists: [RemoteList]) -> Bool {
        guard let id = known.listID else { return false }
        if lists.contains(where: { $0.id == id }) { return true }
        return known.createdAt.map { clock.wallTime.timeIntervalSince($0) < 20 } ?? false
    }

    private func adopt(_ name: String, previous: ListBinding?, _ lists: [RemoteList]) throws -> ListBinding? {
        let sameName = lists.filter { $0.isNamed(name) }
        let standard = sameName.filter { $0.listType == "Standard" }
        if standard.count > 1 { throw ambiguous(name, standard) }
        if let list = standard.first {
            return ListBinding(
                sync: sync.name, destination: sync.destination, listName: name, listID: list.id,
                createdAt: list.createdAt.map { Date(timeIntervalSince1970: Double($0) / 1000) } ?? previous?.createdAt)
        }
        if let other = sameName.first { throw wrongType(name, other) }
        if previous?.listID != nil || previous?.goneAt != nil { throw gone }
        return previous.map { ListBinding(pendingOf: $0) }
    }

    /// Whether another sync of the configuration keeps the same list, however each names it.
    private func keeps(_ other: SyncSettings, _ binding: ListBinding?, _ lists: [RemoteList]) -> Bool {
        switch other.list {
        case nil: return false
        case .id(let id)?: return id == binding?.listID
        case .name(let name, _)?:
            if case .name(let own, _) = list, own.utf8.elementsEqual(name.utf8) { return true }
            let named = lists.filter { $0.listType == "Standard" && $0.isNamed(name) }
            return named.count == 1 && named[0].id == binding?.listID
        }
    }

    // MARK: Making it

    /// The list, created if need be. The sync has taken it before.
    func ensure(_ run: RunContext, _ found: ListBinding?) async throws -> ListBinding {
        if let found, found.listID != nil { return found }
        guard case .name(let name, let description) = list else { throw gone }
        // Also where the clock was set back meanwhile.
        if let began = found?.createdAt, abs(run.now.timeIntervalSince(began)) < Self.creationPause {
            throw creationUnknown(name)
        }
        var binding = ListBinding(
            sync: sync.name, destination: sync.destination, listName: name, listID: nil, createdAt: run.now,
            project: project)
        // Written first: if this process dies now, the next one looks for the list before it makes another.
        try await warehouse.saveListBinding(run.lease, binding)
        var unmade = binding
        unmade.createdAt = found?.createdAt
        binding.listID = try await create(name, description, run, otherwise: unmade)
        try await warehouse.saveListBinding(run.lease, binding)
        return binding
    }

    /// - Parameter unmade: what is kept of the list if it was certainly not made, so that the next run makes it at once.
    private func create(
        _ name: String, _ description: String?, _ run: RunContext, otherwise unmade: ListBinding
    ) async throws -> Int64 {
        do throws(DestinationError) {
            return try await calls.retrying(
                while: { $0.isTransient && !$0.mayHaveBeenApplied && !$0.wasWithheld }
            ) {
                () async throws(DestinationError) in
                // Who stood still until another process made the list makes no second one.
                let deadline = clock.uptime + .seconds(run.limits.requestTimeoutSeconds)
                return try await destination.createList(name: name, description: description) {
                    run.keeper.covers(until: deadline)
                }
            }
        } catch {
            if error.wasWithheld { throw RunError.leaseLost }
            guard error.mayHaveBeenApplied else {
                // If it cannot be kept, the next run waits as for an answer that was lost.
                try? await warehouse.saveListBinding(run.lease, unmade)
                throw calls.failure(error)
            }
        }
        // Creating is not idempotent: look whether it was carried out before anything else.
        for pause in [1, 2, 4, 8] {
            await stop.sleep(for: .seconds(pause), on: clock)
            let lists = try await calls.retrying { () async throws(DestinationError) in try await destination.lists() }
            if let id = try adopt(name, previous: nil, lists)?.listID { return id }
        }
        // The next run looks first.
        if stop.reason != nil { throw CancellationError() }
        throw creationUnknown(name)
    }

    /// Seconds in which a list whose creation got no answer may still appear.
    private static let creationPause = 120.0

    private func creationUnknown(_ name: String) -> RunError {
        RunError(
            code: "list_creation_unknown",
            message: "Iterable did not answer when list \"\(name)\" was created, and does not show it",
            hint: "Run again in two minutes: the list is adopted if it has appeared, and created otherwise.")
    }

    // MARK: Errors

    var gone: RunError {
        switch list {
        case .id(let id):
            RunError(
                code: "list_not_found", message: "Iterable has no list \(id) (sync \(sync.name))",
                hint:
                    "Correct list.id in the configuration; `rollcall lists \(sync.destination)` shows the lists there are."
            )
        case .name(let name, _):
            RunError(
                code: "list_not_found",
                message:
                    "the list \"\(name)\" of sync \(sync.name) was deleted in Iterable; it is not made again automatically",
                hint: "Make it with `rollcall lists create \(sync.destination) \"\(name)\"`, or change list.name.")
        }
    }

    private func ambiguous(_ name: String, _ lists: [RemoteList]) -> RunError {
        let ids = lists.map { String($0.id) }.joined(separator: ", ")
        return RunError(
            code: "list_ambiguous", message: "Iterable has \(lists.count) lists called \"\(name)\": \(ids)",
            hint: "Choose one with list.id in the configuration instead of list.name.")
    }

    private func wrongType(_ name: String, _ list: RemoteList) -> RunError {
        RunError(
            code: "list_type",
            message: "the list \"\(name)\" (\(list.id)) is of type \(list.listType); only Standard lists can be kept",
            hint: "Choose another list.name, or the id of a Standard list.")
    }
}

extension ListBinding {
    /// A creation that was begun and whose outcome is not known.
    fileprivate init(pendingOf binding: ListBinding) {
        self = binding
        listID = nil
    }
}
