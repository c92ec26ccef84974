package import Foundation

/// The time as the warehouse has it.
package protocol WarehouseClock: Sendable {
    /// Database clock.
    func now() async throws(WarehouseError) -> Date
}
