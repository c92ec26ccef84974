import RollcallCore
package import Warehouse

/// Where the rate limits of a destination stand, which several processes keep together.
package struct SharedLimits: Sendable {
    /// The name of the warehouse.
    package var warehouse: String
    package var store: any BudgetStore

    package init(warehouse: String, store: any BudgetStore) {
        self.warehouse = warehouse
        self.store = store
    }
}

/// A process's part in shared limits, and the connection by which one run or stream takes part.
struct BudgetUse: Sendable {
    let budget: SharedBudget
    let store: any BudgetStore

    /// Waits until the process takes part in the budget of an endpoint.
    /// - Returns: false where the run is to stop.
    /// - Throws: as ``waitForTurn(_:_:)``.
    func takePart(_ endpoint: Endpoint, _ run: RunContext) async throws(RunError) -> Bool {
        var request = WaitingRequest(name: run.settings.budget(endpoint))
        defer { end(request, run) }
        while !run.isStopped {
            if budget.share(request.name) != nil { return true }
            _ = try await step(&request, endpoint, run)
        }
        return false
    }

    /// Waits until a request may leave.
    /// - Returns: false where the run is to stop.
    /// - Throws: `rate_budget_unavailable` where the warehouse has given no turns for as long as its calls wait, or cannot give any.
    func waitForTurn(_ endpoint: Endpoint, _ run: RunContext) async throws(RunError) -> Bool {
        var request = WaitingRequest(name: run.settings.budget(endpoint))
        defer { end(request, run) }
        while !run.isStopped {
            guard let turn = try await step(&request, endpoint, run) else { continue }
            await run.stop.sleep(for: turn.first - run.clock.uptime, on: run.clock)
            // A process that stood still has lost its turn.
            if !run.isStopped, run.clock.uptime <= turn.last { return true }
        }
        return false
    }

    private struct WaitingRequest {
        let name: String
        var isWaiting = false
    }

    private func end(_ request: WaitingRequest, _ run: RunContext) {
        if request.isWaiting { budget.stopWaiting(request.name, isStream: run.isStream) }
    }

    /// Takes a turn, or comes nearer to one.
    private func step(
        _ request: inout WaitingRequest, _ endpoint: Endpoint, _ run: RunContext
    ) async throws(RunError) -> (first: Duration, last: Duration)? {
        let limit = run.limits.requestsPerSecond(endpoint)
        let step = budget.step(request.name, limit: limit, isStream: run.isStream, isWaiting: &request.isWaiting)
        switch step {
        case .leave(let first, let last): return (first, last)
        case .exchange: await budget.exchange(with: store)
        case .wait(let signal, let time):
            await signal.sleep(for: min(time, Self.longestWait), on: run.clock)
        }
        // A right that is missing, or a full disk, is not waited for.
        if let failure = budget.failure, !failure.error.isTransient || failure.lasted >= .seconds(store.waitSeconds) {
            throw .rateBudgetUnavailable(failure.error)
        }
        return nil
    }

    /// A request looks again after this time, whatever it waits for: a stop is heeded soon.
    private static let longestWait = Duration.milliseconds(200)
}

extension SyncPipeline {
    /// Calls `body` as one that may send under the shared limits, and gives its part back afterwards.
    func sharing<R: Sendable>(_ body: () async -> R) async -> R {
        guard let budget else { return await body() }
        return await budget.budget.during(budget.store, body)
    }
}

extension DestinationSettings {
    /// The name under which processes share the rate limit of an endpoint. Names of destinations do not matter.
    func budget(_ endpoint: Endpoint) -> String { "\(baseURL) \(keyHash ?? "-" + name) \(endpoint.rawValue)" }
}

extension RunError {
    static func rateBudgetUnavailable(_ error: WarehouseError) -> RunError {
        RunError(
            code: "rate_budget_unavailable",
            message: "the warehouse in which processes share the rate limit gave no turns: \(error.error.message)",
            hint:
                "The next run carries on. limits.shared_in names the warehouse; by default it is the one with the sync's state."
                + (error.error.hint.map { " " + $0 } ?? ""))
    }
}
