import CLibPQ
import Dispatch
import Foundation
import RollcallCore
import Synchronization

/// Listens to a channel of NOTIFY over a separate connection, which a thread waits on. A connection that is lost is made again.
///
/// Whether notifications come cannot be known without one: behind a pooler in transaction mode LISTEN succeeds, and nothing ever
/// comes. So one is sent over another connection for a try.
final class PostgresWatch: SourceWatch {
    private let settings: PostgresConnectionString
    private let channel: String
    private let onWake: @Sendable () -> Void
    private let notify: @Sendable (_ payload: String) async throws -> Void
    private let onEnd: @Sendable (PostgresWatch) -> Void
    private let pipe: WakePipe
    private let state = Mutex(State())
    /// Finished when it was tried once to listen.
    private let attempt = AsyncStream.makeStream(of: Void.self)
    /// Left when the thread has ended, and its connection with it.
    private let presence = DispatchGroup()

    /// Begins what Rollcall's own notifications carry, of whichever process.
    private static let trial = "rollcall: does this come? "
    /// Seconds in which a notification comes, once it was committed.
    private static let trialSeconds = 2.0
    /// Seconds that the server has to answer LISTEN.
    private static let answerSeconds = 10.0
    /// Seconds before the first and the last attempts to make a lost connection again.
    private static let pauses = 1.0...30.0
    /// Seconds that ``end()`` waits for the thread.
    private static let endSeconds = 3.0

    private struct State {
        var wakes = WakeState.none
        var isEnded = false
        /// What the notification carries that was sent for a try; it may come late.
        var payload: String?
        /// When it must have come; nil: it was not committed yet, or that was judged.
        var deadline: ContinuousClock.Instant?
    }

    /// - Parameters:
    ///   - onWake: called where a notification has come, or may have been missed, on the watch's thread.
    ///   - notify: sends a notification over another connection.
    ///   - onEnd: called when the watch has ended.
    init(
        _ settings: PostgresConnectionString, channel: String, onWake: @escaping @Sendable () -> Void,
        notify: @escaping @Sendable (_ payload: String) async throws -> Void,
        onEnd: @escaping @Sendable (PostgresWatch) -> Void
    ) throws(WarehouseError) {
        pipe = try WakePipe()
        self.settings = settings
        self.channel = channel
        self.onWake = onWake
        self.notify = notify
        self.onEnd = onEnd
    }

    func mayHaveChanged() async -> Bool { true }

    var wakes: WakeState { state.withLock { $0.wakes } }

    /// Returns when it was tried once to listen, or the task was cancelled.
    func begin() async {
        presence.enter()
        let thread = Thread { self.run() }
        thread.name = "rollcall.postgres.watch"
        thread.start()
        for await _ in attempt.stream {}
    }

    func end() async {
        state.withLock { $0.isEnded = true }
        pipe.wake()
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            SeparateThread.begin("rollcall.postgres.watch.end") { [presence] in
                // A connection that libpq is still making is closed as soon as it is there.
                _ = presence.wait(timeout: .now() + Self.endSeconds)
                continuation.resume()
            }
        }
        onEnd(self)
    }

    private var isEnded: Bool { state.withLock { $0.isEnded } }

    // MARK: The thread

    private func run() {
        var pause = Self.pauses.lowerBound
        var isFirst = true
        while !isEnded {
            do {
                let session = try listen()
                pause = Self.pauses.lowerBound
                attempt.continuation.finish()
                // Something may have been missed.
                if !isFirst { onWake() }
                sendForTrial()
                try follow(session)
            } catch {
                lose(error)
            }
            attempt.continuation.finish()
            isFirst = false
            rest(pause)
            pause = min(pause * 2, Self.pauses.upperBound)
        }
        attempt.continuation.finish()
        presence.leave()
    }

    private func listen() throws -> PostgresSession {
        let session = try PostgresSession(settings, isStopped: { isEnded })
        session.wait = WarehouseWait(isStopped: { [self] in isEnded })
        session.waitSeconds = Self.answerSeconds
        try session.executeWaiting("LISTEN \(PostgresText.identifier(channel))")
        return session
    }

    /// Passes notifications on until the watch ends.
    /// - Throws: when the connection is lost.
    private func follow(_ session: PostgresSession) throws {
        while !isEnded {
            take(session)
            pipe.wait(orFor: session.descriptor, seconds: secondsToJudge())
            guard PQconsumeInput(session.connection) == 1 else { throw session.failure(PostgresResult(nil)) }
        }
    }

    private func rest(_ seconds: Double) {
        let end = ContinuousClock.now + .seconds(seconds)
        while !isEnded, ContinuousClock.now < end {
            pipe.wait(seconds: ContinuousClock.now.duration(to: end).inSeconds)
        }
    }

    private func lose(_ error: any Error) {
        state.withLock { state in
            (state.payload, state.deadline) = (nil, nil)
            if let failure = error as? PostgresFailure { state.wakes = .unavailable(lost(failure)) }
        }
    }

    // MARK: Notifications

    private func take(_ session: PostgresSession) {
        var wakes = false
        while let notification = PQnotifies(session.connection) {
            defer { PQfreemem(notification) }
            let payload = notification.pointee.extra.map { String(cString: $0) } ?? ""
            if !isForTrial(payload) { wakes = true }
        }
        if wakes, !isEnded { onWake() }
    }

    /// Notes that a notification has come. Says whether it was sent for a try, by this process or another.
    private func isForTrial(_ payload: String) -> Bool {
        state.withLock { state in
            let isForTrial = payload.utf8.starts(with: Self.trial.utf8)
            if !isForTrial || payload == state.payload {
                state.wakes = .listening
                state.deadline = nil
            }
            return isForTrial
        }
    }

    private func sendForTrial() {
        let payload = Self.trial + UUID().uuidString
        state.withLock { $0.payload = payload }
        let wait = WarehouseWait(isStopped: { [self] in isEnded })
        Task {
            do {
                try await WarehouseWait.$current.withValue(wait) { try await notify(payload) }
                state.withLock { state in
                    guard state.payload == payload, state.wakes != .listening else { return }
                    state.deadline = ContinuousClock.now + .seconds(Self.trialSeconds)
                }
                pipe.wake()
            } catch {
                state.withLock { state in
                    guard state.payload == payload, state.wakes != .listening else { return }
                    state.wakes = .unavailable(untried(error))
                }
            }
        }
    }

    /// Seconds until the notification that was sent must have come; nil: none is waited for. Judges one that has not.
    private func secondsToJudge() -> Double? {
        state.withLock { state in
            guard let deadline = state.deadline else { return nil }
            let left = ContinuousClock.now.duration(to: deadline).inSeconds
            if left > 0 { return left }
            state.deadline = nil
            state.wakes = .unavailable(Self.pooled(channel))
            return nil
        }
    }

    // MARK: Sentences

    private static func pooled(_ channel: String) -> String {
        "Notifications of the channel \"\(channel)\" do not come, as behind a pooler in transaction mode; the stream looks by"
            + " the clock instead."
    }

    private func lost(_ failure: PostgresFailure) -> String {
        // "cannot execute LISTEN during recovery"; it is tried again, for the standby may be promoted.
        if failure.sqlState == "25006" {
            return
                "The server is a standby, to which no notifications of the channel \"\(channel)\" come; the stream looks by the"
                + " clock instead."
        }
        return "The connection for notifications of the channel \"\(channel)\" is not there, and is tried again:"
            + " \(failure.warehouseError.error.message)"
    }

    private func untried(_ error: any Error) -> String {
        let reason = (error as? WarehouseError)?.error.message ?? "\(error)"
        return "No notification of the channel \"\(channel)\" could be sent for a try: \(reason)"
    }
}

extension Duration {
    fileprivate var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
