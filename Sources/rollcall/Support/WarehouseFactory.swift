import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

/// A warehouse with all that the program does in one: syncs, schedules, receivers, moves of state.
typealias AnyWarehouse = ServiceWarehouse & ReceiverStore & StateTransfer

extension WarehouseSettings {
    /// The same with a shorter `wait_seconds`, where that is longer.
    func waiting(atMost limit: Double?) -> WarehouseSettings {
        guard let limit else { return self }
        switch self {
        case .sqlite(let path, let waitSeconds): return .sqlite(path: path, waitSeconds: min(limit, waitSeconds))
        case .postgres(let url, let stateSchema, let options, let waitSeconds):
            return .postgres(
                url: url, stateSchema: stateSchema, options: options, waitSeconds: min(limit, waitSeconds))
        }
    }

    /// The warehouse with these settings; nothing is opened before its first call.
    func makeWarehouse() -> any AnyWarehouse {
        switch self {
        case .sqlite(let path, let waitSeconds): SQLiteWarehouse(path: path, busyTimeoutSeconds: waitSeconds)
        case .postgres(let url, let stateSchema, let options, let waitSeconds):
            PostgresWarehouse(url: url, stateSchema: stateSchema, options: options, waitSeconds: waitSeconds)
        }
    }
}

extension Configuration {
    /// Retention of all syncs, disabled ones too. It is applied in every state: one that was moved has left rows behind.
    var retention: [RetentionPolicy] { syncs.map(\.retention) }
}
