import RollcallCore
import Synchronization
import Warehouse

/// Steps of a move count as writes.
extension FailingWarehouse: StateTransfer {
    private var transfer: any StateTransfer {
        guard let transfer = inner as? any StateTransfer else {
            preconditionFailure("the inner warehouse moves no state")
        }
        return transfer
    }

    func stateElsewhere(sync: String) async throws(WarehouseError) -> String? {
        try await inner.stateElsewhere(sync: sync)
    }
    func stateID() async throws(WarehouseError) -> String? { try await transfer.stateID() }
    func stateStanding(sync: String) async throws(WarehouseError) -> StateStanding {
        let before = beforeStanding.withLock { $0 }
        await before?()
        return try await transfer.stateStanding(sync: sync)
    }
    func stateTrace(sync: String) async throws(WarehouseError) -> StateTrace {
        try await transfer.stateTrace(sync: sync)
    }
    func stateCounts(sync: String) async throws(WarehouseError) -> [StateTable: Int] {
        try await transfer.stateCounts(sync: sync)
    }
    func closeState(
        _ lease: Lease, for place: StatePlace, atLeast moves: Int64
    ) async throws(WarehouseError) -> StateMark {
        try await write { () async throws(WarehouseError) in
            try await transfer.closeState(lease, for: place, atLeast: moves)
        }
    }
    func closeStateAgain(
        sync: String, insteadOf id: String, for place: StatePlace
    ) async throws(WarehouseError) -> StateMark {
        try await write { () async throws(WarehouseError) in
            try await transfer.closeStateAgain(sync: sync, insteadOf: id, for: place)
        }
    }
    func readState(sync: String, _ body: @escaping @Sendable (StatePart) throws -> Void) async throws {
        try await transfer.readState(sync: sync, body)
    }
    func receiveState(
        _ mark: StateMark, from source: StateMark, _ parts: any StateParts
    ) async throws(WarehouseError) {
        try await write { () async throws(WarehouseError) in
            try await transfer.receiveState(mark, from: source, parts)
        }
    }
    func openState(_ mark: StateMark) async throws(WarehouseError) {
        try await write { () async throws(WarehouseError) in try await transfer.openState(mark) }
    }
}
