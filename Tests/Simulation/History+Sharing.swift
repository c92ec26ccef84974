import RollcallCore
import SyncEngine
import Warehouse

extension History {
    /// Where the rate limit stands that processes keep together; nil: each keeps it alone.
    func sharedLimits(_ store: SimulatedWarehouse) -> SharedLimits? {
        scenario.sharing.map { _ in SharedLimits(warehouse: "shop", store: store) }
    }

    /// Has the processes of other configurations take part.
    func startNeighbours() {
        for (number, neighbour) in (scenario.sharing?.neighbours ?? []).enumerated() {
            Task(executorPreference: kernel) { await self.live(neighbour, "neighbour \(number)") }
        }
    }

    private func live(_ neighbour: Scenario.Sharing.Neighbour, _ name: String) async {
        await world.pass(neighbour.start)
        let claim = RateClaim(limit: scenario.requestsPerSecond, streams: 0, runs: neighbour.wanted)
        var held: [String: [Int64]] = [:]
        for _ in 0..<neighbour.exchanges {
            let now = store.microseconds
            held = held.mapValues { $0.filter { $0 > now } }
            let needs = store.state.budgets.keys.sorted().map {
                RateNeed(budget: $0, claim: claim, held: held[$0]?.count ?? 0, most: 2)
            }
            for grant in await exchange(name, needs)?.grants ?? [] {
                held[grant.budget, default: []] += (0..<Int64(grant.count)).map { grant.first + $0 * grant.interval }
            }
            await world.pass(.seconds(1))
        }
        guard neighbour.leaves else { return world.note(nil, "\(name) is killed") }
        _ = await exchange(name, held.keys.sorted().map { RateNeed(budget: $0, claim: nil) })
    }

    private func exchange(_ name: String, _ needs: [RateNeed]) async -> RateGrants? {
        if needs.isEmpty || storeIsDownUntil > world.now { return nil }
        let before = store.state.budgets
        guard let grants = try? await store.exchangeBudget(process: name, needs: needs) else { return nil }
        limits.hasExchanged(name, needs, grants, before)
        world.note(nil, "\(name) takes \(grants.grants.reduce(0) { $0 + $1.count }) turns")
        return grants
    }
}
