import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

extension App {
    /// A configured warehouse alone, as a place for state.
    func stateHome(_ name: String) throws -> StateHome {
        StateHome(name: name, warehouse: try sourceWarehouse(name))
    }

    /// `state_elsewhere` of each sync whose state is in another warehouse than the configuration has it in, and `state_unknown`
    /// of each new one whose state may be in a warehouse that cannot be read, by the sync's name: reports have nothing of it,
    /// also while a move is broken off.
    /// - Parameters:
    ///   - state: the name of `warehouse`. Only syncs count that have their state there.
    ///   - sync: only this one; nil: all.
    func statesElsewhere(
        in state: String, _ warehouse: any Warehouse, sync: String? = nil
    ) async throws(WarehouseError) -> [String: RunError] {
        var errors: [String: RunError] = [:]
        var new: [SyncSettings] = []
        for settings in configuration.syncs where configuration.stateWarehouse(of: settings.warehouse) == state {
            guard sync == nil || settings.name == sync else { continue }
            if let place = try await warehouse.stateElsewhere(sync: settings.name) {
                errors[settings.name] = .stateElsewhere(settings, in: place, home: state, isMarked: true)
            } else if try await warehouse.fingerprintKey(sync: settings.name, newKey: nil) == nil {
                new.append(settings)
            }
        }
        if new.isEmpty { return errors }
        let places = await configuration.search(outside: state).look(for: new.map(\.name))
        for settings in new { errors[settings.name] = places.problem(of: settings) }
        return errors
    }

    /// Throws `state_elsewhere` in place of a missing right where another warehouse has the state of a sync: the role may only read
    /// where `state` was taken out of the configuration.
    /// - Parameters:
    ///   - home: the warehouse whose state `body` asks for.
    ///   - sync: only this one; nil: all that have their state there.
    func lookingElsewhereIfDenied<R>(
        _ home: String, sync: String? = nil, _ body: () async throws -> R
    ) async throws -> R {
        do { return try await body() } catch {
            guard let denied = error as? WarehouseError, denied.kind == .permission else { throw error }
            let syncs = configuration.syncs.filter {
                configuration.stateWarehouse(of: $0.warehouse) == home && (sync == nil || $0.name == sync)
            }
            let places = await configuration.search(outside: home).look(for: syncs.map(\.name))
            throw syncs.lazy.compactMap { places.problem(of: $0) }.first { $0.code == "state_elsewhere" } ?? error
        }
    }

    /// Says of which syncs reports have nothing, on stderr. The parameters are those of ``statesElsewhere(in:_:sync:)``.
    func noteStatesElsewhere(
        in state: String, _ warehouse: any Warehouse, sync: String? = nil
    ) async throws(WarehouseError) {
        let errors = try await statesElsewhere(in: state, warehouse, sync: sync)
        for settings in configuration.syncs { if let error = errors[settings.name] { note(error) } }
    }
}

extension Configuration {
    /// Seconds that a look for a state waits for a connection or a lock at most.
    private static let lookSeconds = 10.0

    /// Where else the state of a sync may be than where the configuration has it.
    func search(for sync: SyncSettings) -> StateSearch { search(outside: stateWarehouse(of: sync.warehouse)) }

    /// Where states may be that the configuration has in the warehouse `home`. The look has connections that nothing else
    /// uses: a reload of the configuration does not close them, and they wait for a short time only.
    func search(outside home: String) -> StateSearch {
        StateSearch(home: home) { [warehouses, warehouseOrder] in
            warehouseOrder.filter { $0 != home }.compactMap { name in
                warehouses[name].map {
                    StateHome(name: name, warehouse: $0.waiting(atMost: Self.lookSeconds).makeWarehouse())
                }
            }
        }
    }
}
