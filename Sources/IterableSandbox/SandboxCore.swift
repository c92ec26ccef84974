import Foundation
import Synchronization

/// The state behind its lock, the clock, and the requests that take effect after their connection is gone.
final class SandboxCore: Sendable {
    let options: SandboxOptions
    private let clock: @Sendable () -> Duration
    private let state: Mutex<SandboxState>
    private let lateTasks = Mutex<[Int: Task<Void, Never>]>([:])
    private let nextLateTask = Atomic<Int>(0)
    /// nil: the project has no webhook.
    private let pump: WebhookPump?

    /// - Parameter clock: Monotonic time since any fixed point.
    init(options: SandboxOptions, clock: @escaping @Sendable () -> Duration) {
        self.options = options
        self.clock = clock
        state = Mutex(SandboxState(options: options))
        pump = options.webhook.map(WebhookPump.init)
    }

    /// The time by both clocks.
    var moment: Moment { Moment(now: clock(), time: Date().timeIntervalSince1970) }

    /// Runs `body` while nothing else touches the state. What is due has taken effect.
    func with<Result: Sendable>(_ body: (inout SandboxState) throws -> Result) rethrows -> Result {
        try state.withLock { state in
            state.settle(at: clock())
            return try body(&state)
        }
    }

    /// Applies a request and gives its answer. What the webhook gets for it is sent in the background.
    func execute(_ prepared: PreparedCall) -> Reply {
        let moment = moment
        let reply = with { state in
            let reply = Self.apply(prepared, to: &state, moment)
            state.webhooks.release(&state.faults)
            return reply
        }
        wakeWebhook()
        return reply
    }

    /// Goes on with what the webhook is to get.
    func wakeWebhook() { pump?.wake(self) }

    /// Gives up the requests to the webhook that are under way. What waits is sent after the next start.
    func stopWebhook() async { await pump?.stop() }

    /// Gives the answer that a request would have, and applies nothing.
    func rehearse(_ prepared: PreparedCall) -> Reply {
        let moment = moment
        return with { state in
            var copy = state
            return Self.apply(prepared, to: &copy, moment)
        }
    }

    private static func apply(_ prepared: PreparedCall, to state: inout SandboxState, _ moment: Moment) -> Reply {
        do {
            return try prepared.apply(&state, moment)
        } catch let refusal as Refusal {
            return refusal.reply
        } catch {
            return .envelope("GenericError", "Please try again later", status: 500)
        }
    }

    /// Applies a request after a time. It stays counted as under way until then.
    func executeLate(_ prepared: PreparedCall, after seconds: Double) {
        let id = nextLateTask.add(1, ordering: .relaxed).newValue
        lateTasks.withLock { tasks in
            tasks[id] = Task { [self] in
                if (try? await Task.sleep(for: .seconds(seconds))) != nil { _ = execute(prepared) }
                with { $0.traffic.end(prepared.keys) }
                lateTasks.withLock { $0[id] = nil }
            }
        }
    }

    /// Number of requests that will still take effect.
    var pendingLateRequests: Int { lateTasks.withLock { $0.count } }

    /// Gives up requests that have not taken effect yet.
    func cancelLateRequests() async {
        let tasks = lateTasks.withLock { Array($0.values) }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
