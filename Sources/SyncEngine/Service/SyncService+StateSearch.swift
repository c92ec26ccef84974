import RollcallCore
import Warehouse

/// Where the states of syncs are that are new in the warehouse in which the configuration has them.
struct StateFindings {
    /// How long one counts: each look connects to the other warehouses of the configuration.
    private static let life = Duration.seconds(60)

    /// Where it is, nil where no warehouse that could be read has it, and until when that counts, on the monotonic clock.
    private var found: [String: (place: String?, until: Duration)] = [:]
    /// Syncs that are looked for in the background.
    private var wanted: Set<String> = []

    func place(of sync: String) -> String? { found[sync]?.place }

    /// Those of these syncs of which nothing is known that still counts.
    func outdated(among syncs: [String], now: Duration) -> [String] {
        syncs.filter { sync in found[sync].map { $0.until <= now } ?? true }
    }

    /// The syncs that are to be looked for in the background: the outdated ones that nothing looks for yet.
    mutating func want(_ syncs: [String], now: Duration) -> [String] {
        let new = outdated(among: syncs, now: now).filter { !wanted.contains($0) }
        wanted.formUnion(new)
        return new
    }

    mutating func note(_ places: [String: String], of syncs: [String], now: Duration) {
        for sync in syncs { found[sync] = (places[sync], now + Self.life) }
        wanted.subtract(syncs)
    }
}

extension SyncService {
    /// `state_elsewhere`, as far as it is known: see ``lookForStates(_:)``.
    func stateElsewhere(_ sync: SyncSettings, _ summary: SyncSummary) -> RunError? {
        let marked = summary.elsewhere
        guard let place = marked ?? (summary.isNew ? stateFindings.place(of: sync.name) : nil) else { return nil }
        return .stateElsewhere(sync, in: place, home: generation.setup.state(of: sync), isMarked: marked != nil)
    }

    /// Throws `stateElsewhere` where the state of a sync is in another warehouse: an empty report would be wrong.
    func refuseStateElsewhere(_ sync: String) async throws(ServiceError) {
        guard let settings = generation.setup.sync(sync), let summary = try await summary(settings) else { return }
        await lookForStates([sync: summary])
        if let error = stateElsewhere(settings, summary) { throw ServiceError(.stateElsewhere, error) }
    }

    /// Looks in the other warehouses of the configuration for the states of those of these syncs that are new, unless that was
    /// done within the last minute. The configuration has the states of all of them in one warehouse.
    func lookForStates(_ summaries: [String: SyncSummary]) async {
        let syncs = stateFindings.outdated(among: Self.newSyncs(among: summaries), now: clock.uptime)
        await lookForStates(of: syncs, generation)
    }

    /// The same in the background.
    func lookForStatesLater(_ summaries: [String: SyncSummary]) {
        guard phase == .running else { return }
        let syncs = stateFindings.want(Self.newSyncs(among: summaries), now: clock.uptime)
        if syncs.isEmpty { return }
        let generation = generation
        submit { await self.lookForStates(of: syncs, generation) }
    }

    private static func newSyncs(among summaries: [String: SyncSummary]) -> [String] {
        summaries.filter { $0.value.isNew && $0.value.elsewhere == nil }.keys.sorted()
    }

    private func lookForStates(of syncs: [String], _ generation: Generation) async {
        guard let settings = syncs.first.flatMap({ generation.setup.sync($0) }),
            let search = generation.setup.search(settings)
        else { return }
        let places = await search.places(of: syncs)
        // Another configuration has other warehouses.
        if self.generation === generation { stateFindings.note(places, of: syncs, now: clock.uptime) }
    }
}
