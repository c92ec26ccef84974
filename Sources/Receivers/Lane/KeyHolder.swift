import Synchronization
import Warehouse

/// The state's key, as far as it is known, and whether the warehouse's tables are ready.
final class KeyHolder: Sendable {
    private struct State {
        var maker: EventMaker?
        /// Whether the key was read from a store that has been replaced since.
        var isOld = false
        /// The lane's present store.
        var store: ObjectIdentifier
        /// The store whose tables are ready, and whose key was read.
        var open: ObjectIdentifier?
        /// The first attempt to reach the present store is over, however it ended.
        var attempt = Occasion()
    }

    private let state: Mutex<State>

    init(_ store: any ReceiverStore) { state = Mutex(State(store: ObjectIdentifier(store))) }

    /// Whether groups can be stored.
    var isReady: Bool { state.withLock { $0.open == $0.store } }

    /// Whether groups can be stored in this store.
    func isOpen(_ store: any ReceiverStore) -> Bool { state.withLock { $0.open == ObjectIdentifier(store) } }

    /// What makes rows; nil: the key was never read. Waits for the first attempt to read it from the present store; where that fails,
    /// the key of the store before is the best guess.
    func maker() async -> EventMaker? {
        while true {
            let (maker, attempt) = state.withLock { ($0.isOld ? nil : $0.maker, $0.attempt) }
            if let maker { return maker }
            if attempt.isOver { return known }
            await attempt.wait()
        }
    }

    /// What is known now.
    var known: EventMaker? { state.withLock { $0.maker } }

    /// A key that was read from the warehouse in an earlier process.
    func remember(_ key: [UInt8]) { state.withLock { $0.maker = $0.maker ?? EventMaker(key: key) } }

    /// Another store, perhaps of another database: nothing is stored there before ``open(_:of:)``.
    func change(to store: any ReceiverStore) {
        let before = state.withLock { state -> Occasion? in
            guard state.store != ObjectIdentifier(store) else { return nil }
            state.store = ObjectIdentifier(store)
            state.isOld = true
            defer { state.attempt = Occasion() }
            return state.attempt
        }
        // Whoever waits for it goes on to wait for the new one.
        before?.happen()
    }

    /// The key of a store whose tables are ready.
    /// - Returns: whether another one was known; nil: the store has been replaced, and the key counts for nothing.
    func open(_ key: [UInt8], of store: ObjectIdentifier) -> Bool? {
        state.withLock { state in
            guard state.store == store else { return nil }
            defer {
                state.maker = EventMaker(key: key)
                state.isOld = false
                state.open = store
            }
            return state.maker.map { $0.key != key } ?? false
        }
    }

    /// Happens when the first attempt to reach the present store is over.
    var attempt: Occasion { state.withLock { $0.attempt } }

    func waitForFirstAttempt() async {
        while true {
            let attempt = attempt
            if attempt.isOver { return }
            await attempt.wait()
        }
    }
}
