import Foundation
import RollcallCore
import Warehouse

/// Deletes what is older than receivers keep it.
extension WarehouseLane {
    private static let retentionEvery = Duration.seconds(3600)
    private static let pruneLimit = Duration.seconds(60)
    private static let eventsAtOnce = 10_000
    /// Seconds by which clocks may be put right in the life of a process, and differ from each other.
    private static let largestJump = 3600.0

    private static func clockJumped(by seconds: Double) -> RunError {
        let hours = Int((seconds / 3600).rounded())
        return RunError(
            code: "clock_jumped",
            message: "the clock of this machine was moved by \(hours) hours since the program started",
            hint: "Put the clock right, then restart `rollcall serve`.")
    }

    private static func clockDiffers(by seconds: Double) -> RunError {
        let hours = Int((seconds / 3600).rounded())
        return RunError(
            code: "clock_differs",
            message: "the clock of this machine is \(DisplayText.count(abs(hours), "hour")) "
                + "\(hours < 0 ? "behind" : "ahead of") that of the warehouse",
            hint: "Put right the one that is wrong.")
    }

    /// Deletes old events, once an hour. By a clock that is wrong, everything might be old: nothing is deleted then.
    func retain() async {
        let (start, startTime) = (clock.uptime, clock.wallTime)
        var last: Duration?
        while !isStopping {
            if keys.isReady, !receivers.isEmpty, last.map({ clock.uptime - $0 >= Self.retentionEvery }) ?? true {
                last = clock.uptime
                let jump = clock.wallTime.timeIntervalSince(startTime) - (clock.uptime - start).seconds
                if abs(jump) < Self.largestJump {
                    await pruneIfClocksAgree()
                } else {
                    note(.retentionFailed(warehouse: warehouse, problem: Self.clockJumped(by: jump)))
                }
            }
            await retentionBell.wait(atMost: Self.retentionEvery, clock)
        }
    }

    /// The clock may have been wrong already when the process started, which the warehouse's shows where it is another machine.
    private func pruneIfClocksAgree() async {
        let outcome = await call(atMost: Self.pruneLimit) { store throws(WarehouseError) in try await store.now() }
        switch outcome {
        case .success(let time):
            let difference = clock.wallTime.timeIntervalSince(time)
            if abs(difference) < Self.largestJump { return await prune() }
            note(.retentionFailed(warehouse: warehouse, problem: Self.clockDiffers(by: difference)))
        case .failure(let error): pruneFailed(error)
        }
    }

    private func pruneFailed(_ error: WarehouseError) {
        guard health.problem == nil, !isStopping else { return }
        note(.retentionFailed(warehouse: warehouse, problem: error.error))
    }

    private func prune() async {
        for receiver in receivers {
            let before = clock.wallTime.addingTimeInterval(-86_400 * Double(receiver.retentionDays))
            while !isStopping {
                let outcome = await call(atMost: Self.pruneLimit) { store throws(WarehouseError) in
                    try await store.pruneReceived(receiver: receiver.name, before: before, limit: Self.eventsAtOnce)
                }
                switch outcome {
                case .success(let count) where count >= Self.eventsAtOnce: continue
                case .success: break
                case .failure(let error): return pruneFailed(error)
                }
                break
            }
        }
    }
}
