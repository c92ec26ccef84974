import RollcallCore
import Warehouse

/// Where the states of syncs are that are new in the warehouse in which the configuration has them.
struct StateFindings {
    /// How long one counts: each look connects to the other warehouses of the configuration.
    private static let life = Duration.seconds(60)

    /// What was found, and until when that counts, on the monotonic clock.
    private var found: [String: (places: StatePlaces, until: Duration)] = [:]
    /// Looks that are under way, by each sync that they are for; each signal is given when its look has ended.
    private var looks: [String: StopSignal] = [:]

    /// `state_elsewhere` or `state_unknown`, as far as it is known.
    func problem(of sync: SyncSettings) -> RunError? { found[sync.name]?.places.problem(of: sync) }

    /// Those of these syncs of which nothing is known that still counts, and for which no look is under way.
    func outdated(among syncs: [String], now: Duration) -> [String] {
        syncs.filter { sync in looks[sync] == nil && found[sync].map { $0.until <= now } ?? true }
    }

    func looks(for syncs: [String]) -> [StopSignal] { syncs.compactMap { looks[$0] } }

    mutating func begin(_ look: StopSignal, for syncs: [String]) {
        for sync in syncs { looks[sync] = look }
    }

    mutating func end(_ places: StatePlaces, for syncs: [String], now: Duration) {
        for sync in syncs {
            var places = places
            if let earlier = found[sync] { places.keep(earlier.places, of: sync) }
            found[sync] = (places, now + Self.life)
            looks[sync] = nil
        }
    }
}

extension SyncService {
    /// How long a report waits at most that would be empty. What is known then counts.
    private static let lookPatience = Duration.seconds(5)

    /// `state_elsewhere` or `state_unknown`, as far as it is known: see ``lookForStatesLater(_:)``.
    func missingState(_ sync: SyncSettings, _ summary: SyncSummary) -> RunError? {
        if let place = summary.elsewhere {
            return .stateElsewhere(sync, in: place, home: generation.setup.state(of: sync), isMarked: true)
        }
        return summary.isNew ? stateFindings.problem(of: sync) : nil
    }

    /// Throws where the state of a sync is in another warehouse, or may be: an empty report would be wrong.
    func refuseMissingState(_ sync: String) async throws(ServiceError) {
        guard let settings = generation.setup.sync(sync), let summary = try await summary(settings) else { return }
        await lookForStates([sync: summary])
        if let error = missingState(settings, summary) { throw ServiceError(pipeline: error) }
    }

    /// Looks as ``lookForStatesLater(_:)`` does, and waits for the looks that are under way for these syncs, for five seconds
    /// in all.
    private func lookForStates(_ summaries: [String: SyncSummary]) async {
        lookForStatesLater(summaries)
        let end = clock.uptime + Self.lookPatience
        for look in stateFindings.looks(for: Self.newSyncs(among: summaries)) {
            await look.sleep(for: end - clock.uptime, on: clock)
        }
    }

    /// Looks, in the background, in the other warehouses of the configuration for the states of those of these syncs that are
    /// new, unless that was done within the last minute. The configuration has the states of all of them in one warehouse.
    func lookForStatesLater(_ summaries: [String: SyncSummary]) {
        guard phase == .running else { return }
        let syncs = stateFindings.outdated(among: Self.newSyncs(among: summaries), now: clock.uptime)
        guard let settings = syncs.first.flatMap({ generation.setup.sync($0) }),
            let search = generation.setup.search(settings)
        else { return }
        let (look, present) = (StopSignal(), generation)
        let isBegun = submit {
            let places = await search.look(for: syncs)
            await self.lookEnded(look, places, for: syncs, present)
        }
        if isBegun { stateFindings.begin(look, for: syncs) }
    }

    private func lookEnded(
        _ look: StopSignal, _ places: StatePlaces, for syncs: [String], _ generation: Generation
    ) {
        // Another configuration has other warehouses.
        if self.generation === generation { stateFindings.end(places, for: syncs, now: clock.uptime) }
        look.request(.interrupted)
    }

    private static func newSyncs(among summaries: [String: SyncSummary]) -> [String] {
        summaries.filter { $0.value.isNew && $0.value.elsewhere == nil }.keys.sorted()
    }
}
