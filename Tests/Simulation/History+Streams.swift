import RollcallCore
import SyncEngine
import Synchronization
import Warehouse

extension History {
    /// A process that streams the events, the users or the items of the catalog, until it has looked this number of times, or is
    /// asked to stop.
    /// - Returns: the run that is held, if one is.
    func stream(_ node: Node, looks: Int) async -> SyncRun? {
        var settings = StreamSettings()
        (settings.pollSeconds, settings.lingerSeconds) = (1, 0)
        switch node.sync {
        case "tracks": settings.mostWaiting = tracks.tracks.mostWaiting
        case "clients": settings.mostWaiting = scenario.clients?.streaming?.mostWaiting ?? settings.mostWaiting
        default: break
        }
        let tracker = StreamTracker(clock: NodeClock(node: node))
        let ended = Mutex<[SyncRun]>([])
        let end = await pipeline(node).stream(
            settings, tracker, watch: { () throws(WarehouseError) in SimulatedWatch(self, node, looks) },
            onEnded: { run in ended.withLock { $0.append(run) } })
        if node.process.isDead { return nil }
        for run in ended.withLock({ $0 }) { hasStreamed(node, run) }
        oracle.saw("a stream ended")
        switch end {
        case .held(let run):
            oracle.saw("a stream was held")
            return run
        case .busy: oracle.hasEnded(.busy)
        case .failed(let error, _):
            world.note(node.process, "stream fails: \(error.code)")
            oracle.saw("a stream failed")
        case .stopped, .cancelled: break
        }
        return nil
    }
}

/// Counts the looks of a stream, and may know whether the rows are others than before.
private final class SimulatedWatch: SourceWatch, @unchecked Sendable {
    private let history: History
    private let node: Node
    private var left: Int
    private var tick: Int?
    let wakes = WakeState.none

    init(_ history: History, _ node: Node, _ looks: Int) {
        self.history = history
        self.node = node
        left = looks
    }

    func mayHaveChanged() async -> Bool {
        left -= 1
        if left < 0 { node.stop.request(.interrupted) }
        if node.sync == "clients" { history.clients.hasLooked(node) }
        let now = node.sync == "clients" ? history.customersTick : history.tracks.tick
        defer { tick = now }
        return knowsCommits ? tick != now : true
    }

    private var knowsCommits: Bool {
        switch node.sync {
        case "tracks": history.tracks.tracks.knowsCommits
        case "clients": history.scenario.clients?.streaming?.knowsCommits ?? false
        default: false
        }
    }

    func end() async {}
}
