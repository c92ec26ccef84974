import Synchronization

/// The state's key, as far as it is known, and whether the warehouse's tables are ready.
final class KeyHolder: Sendable {
    private struct State {
        var maker: EventMaker?
        var isReady = false
    }

    private let state = Mutex(State())
    /// The first attempt to reach the warehouse is over, however it ended.
    private let firstAttempt = Occasion()

    /// Whether groups can be stored.
    var isReady: Bool { state.withLock { $0.isReady } }

    /// What makes rows; nil: the key was never read. Waits for the first attempt to read it.
    func maker() async -> EventMaker? {
        if let maker = state.withLock({ $0.maker }) { return maker }
        await firstAttempt.wait()
        return state.withLock { $0.maker }
    }

    /// What is known now.
    var known: EventMaker? { state.withLock { $0.maker } }

    /// A key that was read from the warehouse in an earlier process.
    func remember(_ key: [UInt8]) { state.withLock { $0.maker = EventMaker(key: key) } }

    /// The warehouse's own.
    /// - Returns: whether another one was known.
    func open(_ key: [UInt8]) -> Bool {
        let hasChanged = state.withLock { state in
            defer {
                state.maker = EventMaker(key: key)
                state.isReady = true
            }
            return state.maker.map { $0.key != key } ?? false
        }
        firstAttempt.happen()
        return hasChanged
    }

    func endFirstAttempt() { firstAttempt.happen() }

    func waitForFirstAttempt() async { await firstAttempt.wait() }
}
