import Synchronization

/// Tells everyone who listens what happens. A listener that is slow loses the oldest events, never memory.
final class EventHub: Sendable {
    private struct State {
        var nextID = 0
        var listeners: [Int: AsyncStream<ServiceEvent>.Continuation] = [:]
        var isOver = false
    }

    private let state = Mutex(State())

    func stream(buffering limit: Int) -> AsyncStream<ServiceEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ServiceEvent.self, bufferingPolicy: .bufferingNewest(max(1, limit)))
        let id = state.withLock { state -> Int? in
            if state.isOver { return nil }
            state.nextID += 1
            state.listeners[state.nextID] = continuation
            return state.nextID
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.listeners.removeValue(forKey: id) }
        }
        return stream
    }

    func send(_ event: ServiceEvent) {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener.yield(event) }
    }

    /// Ends all streams, those to come too.
    func finish() {
        let listeners = state.withLock { state in
            state.isOver = true
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }
}
