import RollcallCore
import Warehouse

/// A warehouse with all that the program does in one: syncs, schedules, receivers.
typealias AnyWarehouse = ServiceWarehouse & ReceiverStore

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
