import RollcallCore
import SyncEngine

extension History {
    /// What happens to the visits' rows before a round, and what is committed later.
    func change(visitsIn number: Int) -> Scenario.Tracks.Round? {
        guard let tracks = scenario.tracks, tracks.rounds.indices.contains(number) else { return nil }
        let round = tracks.rounds[number]
        for move in round.moves { make(move) }
        publishVisits()
        return round
    }

    private func make(_ move: Scenario.TrackMove) {
        let pending = visits.move(move, now: tracks.now)
        switch move {
        case .appear(let visitor, let delay):
            world.after(delay) { [self] in
                world.note(nil, "visitor \(visitor) gets a profile")
                events.appear(visitor)
            }
        case .add(let new):
            guard let pending, let delay = new.delay else { return }
            world.after(delay) { [self] in
                visits.commit(pending)
                publishVisits()
            }
        default: break
        }
    }

    private func publishVisits() {
        store.visits = visits.rows
        tracks.hasChanged(store.visits)
        world.note(nil, "the visits are \(store.visits.map { $0.summary(Visits.shown) })")
    }

    /// Of events not everything is sent once more: those of before are.
    func sendEarlierEvents(_ node: Node, _ request: inout RunRequest) {
        node.backfills = request.full
        if request.full { request.backfill = .all }
        request.full = false
    }

    // MARK: The quiet phase

    /// A held run is decided on. A few more runs, with the time between them for sweeps and for people to appear, put
    /// each event where it belongs, and the one after them has nothing to do.
    func eventsComeToRest() async {
        guard let tracks = scenario.tracks else { return }
        if let held = store.state.runs.first(where: { $0.run.sync == "tracks" && $0.run.status == .held })?.run {
            var request = RunRequest()
            request.kind = tracks.approvesLast ? .approve(runID: held.id) : .discard(runID: held.id)
            oracle.saw("events were held, then \(tracks.approvesLast ? "approved" : "discarded")")
            _ = await quietRun(request, sync: "tracks")
        }
        let pause = Duration.seconds(max(200, tracks.waitSeconds + 10, tracks.sweepSeconds + 10))
        for _ in 0..<3 {
            var request = RunRequest()
            (request.forceNew, request.retryRejected) = (true, true)
            guard let last = await quietRun(request, sync: "tracks") else { return }
            guard last.status == .succeeded || last.status == .completedWithFailures, last.counts.unknown.total == 0,
                last.counts.notAttempted.total == 0
            else { return oracle.violated("events: the quiet run did not get through: \(last)") }
            await world.pass(pause)
        }
        oracle.judgeNotes(of: "tracks")
        if oracle.isUnknowing { return }
        self.tracks.judgeEnd()
        let before = requests
        if let idle = await quietRun(RunRequest(), sync: "tracks"), requests != before {
            oracle.violated("events: a run on unchanged rows sends something: \(idle.counts.short)")
        }
    }
}
