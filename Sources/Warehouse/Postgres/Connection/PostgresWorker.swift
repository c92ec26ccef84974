import CLibPQ
import Dispatch
import Foundation
import Synchronization

/// One connection with its own serial queue, opened at the first call and again after a loss. libpq blocks its
/// thread, so nothing here runs on Swift's cooperative pool.
// SAFETY: `session` and `isClosed` are touched on `queue` only, which is serial; everything else is constant or behind a Mutex.
final class PostgresWorker: @unchecked Sendable {
    private let settings: PostgresConnectionString
    private let callTimeout: Double
    /// Seconds to wait for a connection while none is free.
    private let waitSeconds: Double
    private let queue: DispatchQueue
    private var session: PostgresSession?
    private var isClosed = false
    /// Calls that wait or run.
    private let pending = Mutex(0)

    /// - Parameter callTimeout: seconds that a call may take before its connection is given up; 0: any.
    init(_ settings: PostgresConnectionString, label: String, callTimeout: Double, waitSeconds: Double = 0) {
        self.settings = settings
        self.callTimeout = callTimeout
        self.waitSeconds = waitSeconds
        queue = DispatchQueue(label: "rollcall.postgres.\(label)")
    }

    var load: Int { pending.withLock { $0 } }

    /// Whether it needs no new connection, as far as is known.
    private let isOpen = Mutex(false)
    var hasConnection: Bool { isOpen.withLock { $0 } }

    /// Runs `body` with the connection, after all earlier calls. Cancelling the task does not end it: what was begun is
    /// brought to its end. A connection that cannot be had now is waited for.
    func run<T: Sendable>(_ body: @escaping @Sendable (PostgresSession) throws -> T) async throws -> T {
        pending.withLock { $0 += 1 }
        defer { pending.withLock { $0 -= 1 } }
        let wait = WarehouseWait.current
        return try await PostgresWaiting(limit: waitSeconds, lock: "")(mayRepeat: { false }) {
            try await withCheckedThrowingContinuation { continuation in
                queue.async { continuation.resume(with: Result { try self.perform(wait, body) }) }
            }
        }
    }

    /// As ``run(_:)``, but cancelling the task ends the statement that runs, and throws `CancellationError`.
    func runCancellable<T: Sendable>(
        _ body: @escaping @Sendable (PostgresSession, PostgresCancellation) throws -> T
    ) async throws -> T {
        let cancellation = PostgresCancellation()
        return try await withTaskCancellationHandler {
            try await run { session in
                try cancellation.arm(session)
                defer { cancellation.disarm(session) }
                do {
                    return try body(session, cancellation)
                } catch  where cancellation.isRequested {
                    throw CancellationError()
                }
            }
        } onCancel: {
            cancellation.request()
        }
    }

    /// Runs `body` beside what the caller does; `completion` gets its result on the worker's own thread.
    func begin(
        _ body: @escaping @Sendable (PostgresSession) throws -> Void,
        completion: @escaping @Sendable (Result<Void, any Error>) -> Void
    ) {
        queue.async { completion(Result { try self.perform(WarehouseWait(), body) }) }
    }

    func close() async {
        await withCheckedContinuation { continuation in
            queue.async {
                self.isClosed = true
                self.session = nil
                continuation.resume()
            }
        }
    }

    private func perform<T>(_ wait: WarehouseWait, _ body: (PostgresSession) throws -> T) throws -> T {
        guard !isClosed else {
            throw WarehouseError(.connection, code: "warehouse_closed", "The warehouse was closed.")
        }
        if let session, !session.isAlive() { self.session = nil }
        defer { isOpen.withLock { $0 = self.session != nil } }
        let session = try session ?? PostgresSession(settings, isStopped: wait.isStopped)
        session.wait = wait
        session.waitSeconds = waitSeconds
        self.session = session
        defer { if !session.isUsable { self.session = nil } }
        guard callTimeout > 0 else { return try body(session) }
        let watchdog = PostgresWatchdog(try SharedSocket(session.descriptor), seconds: callTimeout)
        defer { watchdog.end() }
        do {
            return try body(session)
        } catch is PostgresFailure where watchdog.hasFired {
            session.condemn()
            throw PostgresFailure(
                message: "there was no answer for \(callTimeout.formatted()) s, so the connection was given up",
                hint: "Look at the network, and at a pooler or proxy, between Rollcall and the server.",
                isDisconnected: true)
        }
    }
}

/// Lets another thread break off the statement that a connection runs.
// SAFETY: all that changes is read and written with `lock` held.
final class PostgresCancellation: @unchecked Sendable {
    /// Seconds in which the server is to heed a cancel request; then the connection is given up.
    private static let grace = 5.0

    private let lock = NSLock()
    private var wasRequested = false
    private var wasSent = false
    private var handle: OpaquePointer?
    private var socket: SharedSocket?
    /// Broken off together with this one.
    private var followers: [PostgresCancellation] = []
    private var watchdog: PostgresWatchdog?

    var isRequested: Bool { lock.withLock { wasRequested } }

    func check() throws {
        if isRequested { throw CancellationError() }
    }

    func arm(_ session: PostgresSession) throws {
        let socket = try SharedSocket(session.descriptor)
        let isTooLate = lock.withLock {
            handle = PQgetCancel(session.connection)
            self.socket = socket
            return wasRequested
        }
        guard isTooLate else { return }
        disarm(session)
        throw CancellationError()
    }

    /// A request that was sent may reach the server late and would hit the next statement: the connection is given up.
    func disarm(_ session: PostgresSession) {
        lock.withLock {
            PQfreeCancel(handle)
            handle = nil
            socket = nil
            watchdog?.end()
            watchdog = nil
            if wasSent { session.condemn() }
        }
    }

    /// Breaks `other` off as soon as this one is.
    func add(_ other: PostgresCancellation) {
        let isTooLate = lock.withLock {
            followers.append(other)
            return wasRequested
        }
        if isTooLate { other.request() }
    }

    /// Returns at once; libpq's cancel request opens another connection and blocks, so it has its own thread.
    func request() {
        let followers = lock.withLock {
            wasRequested = true
            return self.followers
        }
        for follower in followers { follower.request() }
        SeparateThread.begin("rollcall.postgres.cancel") {
            // The lock is not held while the request is made: it may wait for a network that is silent.
            guard let handle = self.takeHandle() else { return }
            var message = [CChar](repeating: 0, count: 256)
            _ = PQcancel(handle, &message, Int32(message.count))
            PQfreeCancel(handle)
        }
    }

    private func takeHandle() -> OpaquePointer? {
        lock.withLock {
            guard let handle, let socket, !wasSent else { return nil }
            wasSent = true
            self.handle = nil
            watchdog = PostgresWatchdog(socket, seconds: Self.grace)
            return handle
        }
    }
}
