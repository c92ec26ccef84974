import ArgumentParser
import RollcallCore
import SyncEngine

/// The exit codes that scripts rely on.
enum ExitStatus: Int32 {
    case success = 0
    case failed = 1
    case usage = 2
    case completedWithFailures = 3
    case held = 4
    case busy = 5
    case interrupted = 130

    init(_ outcome: RunOutcome) {
        switch outcome {
        case .ran(let run): self.init(run)
        case .alreadyHeld: self = .held
        case .busy: self = .busy
        case .failed: self = .failed
        }
    }

    init(_ run: SyncRun) {
        switch run.status {
        case .succeeded, .skipped: self = .success
        case .completedWithFailures: self = .completedWithFailures
        case .held: self = .held
        case .interrupted, .cancelled: self = run.error == nil ? .interrupted : .failed
        case .failed, .queued, .running: self = .failed
        }
    }

    /// Of several runs, the one that matters most: 130, then 1, 4, 5, 3.
    static func worst(_ statuses: [ExitStatus]) -> ExitStatus {
        let order: [ExitStatus] = [.interrupted, .usage, .failed, .held, .busy, .completedWithFailures]
        return order.first(where: statuses.contains) ?? .success
    }

    /// What a command throws to end with this code; nothing for success.
    func check() throws {
        if self != .success { throw ExitCode(rawValue) }
    }
}
