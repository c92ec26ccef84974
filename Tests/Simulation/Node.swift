import Foundation
import RollcallCore
import SyncEngine

/// One process that runs the sync: its clock, its stop signal, its faults.
final class Node: @unchecked Sendable {
    let process: World.Process
    let history: History
    let stop = StopSignal()
    let runner: Scenario.Runner
    /// The sync that it runs.
    let sync: String
    /// The run it is busy with.
    var runID: String?
    /// Of events: whether its run sends also those of before.
    var backfills = false
    /// Of the list: whether its members are sent with fields.
    var sendsFields = false
    /// Of the lease that it was given last.
    var leaseToken: Int64?
    var hasEnded = false
    /// Writes to the warehouse and changing requests to Iterable, so far.
    var writes = 0
    var requests = 0
    /// Calls that were made, by kind; part of each call's key.
    private var calls: [String: Int] = [:]
    private let bootTime: Duration
    private var chance: Dice

    var name: String { process.name }
    var world: World { history.world }

    init(_ history: History, _ runner: Scenario.Runner, sync: String = "vip") {
        self.history = history
        self.sync = sync
        self.runner = runner
        process = World.Process(history.world, "process \(runner.number)")
        bootTime = history.world.now
        chance = Dice(history.scenario.seed, "chance", runner.number)
    }

    /// The name of this call for the fault plan: process, kind, how many-th.
    func key(_ call: String) -> String {
        calls[call, default: 0] += 1
        return "\(name) \(call) \(calls[call, default: 0])"
    }

    /// SIGKILL: from now on its tasks unwind without any effect.
    func die() {
        guard !process.isDead else { return }
        process.isDead = true
        history.world.note(process, "dies")
        history.oracle.saw("a process died")
        stop.request(.interrupted)
    }

    func freeze(_ dice: inout Dice) {
        let duration = dice.milliseconds(500, 90_000)
        history.world.note(process, "is stopped for \(duration)")
        history.world.stop(process, for: duration)
    }

    func random() -> UInt64 { chance.next() }

    /// Who it is, for the lease. Dead processes of one machine are recognised by `isGone`.
    var holder: Holder { Holder(text: name) }

    fileprivate var uptime: Duration {
        // A process that is gone believes in nothing any more.
        if process.isDead { return .seconds(100_000_000) }
        let elapsed = history.world.now - bootTime
        return elapsed + elapsed * runner.drift / 10_000
    }
}

/// The clock of one process: its monotonic time starts with it and runs a little wrong, its wall clock may be far off.
struct NodeClock: EngineClock {
    let node: Node

    var uptime: Duration { node.uptime }

    var wallTime: Date {
        node.history.wallTime.addingTimeInterval(node.process.isDead ? 0 : node.runner.wallError)
    }

    func sleep(for duration: Duration) async throws {
        if node.process.isDead { throw CancellationError() }
        try await node.world.sleep(duration)
    }

    func random() -> UInt64 { node.random() }
}
