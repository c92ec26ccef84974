package import RollcallCore

/// Rate limits that processes share stand where the state is.
extension SplitWarehouse {
    package func exchangeBudget(process: String, needs: [RateNeed]) async throws(WarehouseError) -> RateGrants {
        try await state.exchangeBudget(process: process, needs: needs)
    }
}
