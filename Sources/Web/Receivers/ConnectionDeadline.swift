import NIOCore

/// When a connection has waited long enough. One timer serves all its requests: a later time costs nothing, because the timer looks
/// whether it was moved when it fires. Lives in the event loop of its connection.
final class ConnectionDeadline {
    private let eventLoop: any EventLoop
    private let passed: () -> Void
    private var due: NIODeadline?
    private var timer: (scheduled: Scheduled<Void>, due: NIODeadline)?

    /// - Parameter passed: called when the time has come; the deadline is off then.
    init(_ eventLoop: any EventLoop, passed: @escaping () -> Void) {
        self.eventLoop = eventLoop
        self.passed = passed
    }

    /// Moves it to this number of seconds from now.
    func set(seconds: Double) {
        let due = NIODeadline.now() + .nanoseconds(Int64(seconds * 1e9))
        self.due = due
        if let timer {
            guard due < timer.due else { return }
            timer.scheduled.cancel()
        }
        schedule(due)
    }

    /// None for the time being.
    func clear() { due = nil }

    /// None for ever.
    func end() {
        due = nil
        timer?.scheduled.cancel()
        timer = nil
    }

    private func schedule(_ due: NIODeadline) {
        let scheduled = eventLoop.assumeIsolated().scheduleTask(deadline: due) { self.fire() }
        timer = (scheduled: scheduled, due: due)
    }

    private func fire() {
        timer = nil
        guard let due else { return }
        if due > .now() { return schedule(due) }
        self.due = nil
        passed()
    }
}
