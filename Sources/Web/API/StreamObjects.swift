import RollcallCore
import SyncEngine
import Warehouse

/// A stream as JSON.
enum StreamObject {
    /// As the configuration has it.
    static func settings(_ settings: StreamSettings) -> JSON {
        .object([
            "poll_seconds": .number(settings.pollSeconds), "linger_seconds": .number(settings.lingerSeconds),
            "wake": .string(settings.wake),
        ])
    }

    /// What it does in this process.
    static func state(_ status: StreamStatus) -> JSON {
        .object([
            "phase": .string(status.phase.name), "lag_seconds": .number(status.lagSeconds),
            "backlog": .integer(status.backlog), "records": .integer(status.records),
            "records_per_second": .number(status.recordsPerSecond), "latest_read_at": .time(status.latestReadAt),
            "wakes": wakes(status.wakes), "run_id": .string(status.phase.heldRunID),
            "error": status.phase.problem.map(problem) ?? .null,
        ])
    }

    private static func wakes(_ state: WakeState) -> JSON {
        let (name, message): (String, String?) =
            switch state {
            case .none: ("none", nil)
            case .listening: ("listening", nil)
            case .unavailable(let message): ("unavailable", message)
            }
        return .object(["state": .string(name), "message": .string(message)])
    }

    private static func problem(_ problem: StreamStatus.Failure) -> JSON {
        .object([
            "code": .string(problem.code), "message": .string(problem.message),
            "tries_again_at": .time(problem.triesAgainAt),
        ])
    }
}

extension StreamStatus.Phase {
    /// In one word.
    var name: String {
        switch self {
        case .starting: "starting"
        case .following: "following"
        case .sending: "sending"
        case .paused: "paused"
        case .held: "held"
        case .elsewhere: "elsewhere"
        case .failing: "failing"
        }
    }

    var heldRunID: String? { if case .held(let id) = self { id } else { nil } }

    /// Why it has ended; nil: it has not.
    var problem: StreamStatus.Failure? { if case .failing(let problem) = self { problem } else { nil } }
}

extension SyncStatus {
    /// Whether the run in progress, here or in another process, is a part of its stream.
    var isStreaming: Bool { isRunning && (live?.trigger ?? latestRun?.trigger) == .stream }

    /// Why its stream has ended here, if it is tried again.
    var streamProblem: StreamStatus.Failure? { settings.stream == nil ? nil : stream?.phase.problem }
}
