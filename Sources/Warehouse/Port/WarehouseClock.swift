public import Foundation

/// The time as the warehouse has it.
public protocol WarehouseClock: Sendable {
    /// Database clock.
    func now() async throws(WarehouseError) -> Date
}
