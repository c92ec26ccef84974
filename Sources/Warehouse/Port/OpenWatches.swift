import Synchronization

/// The watches of a warehouse that have not ended, so that they end with it.
final class OpenWatches: Sendable {
    private struct State {
        var isClosed = false
        var open: [ObjectIdentifier: any SourceWatch] = [:]
    }

    private let state = Mutex(State())

    /// - Returns: false where the warehouse was closed.
    func add(_ watch: any SourceWatch) -> Bool {
        state.withLock { state in
            if !state.isClosed { state.open[ObjectIdentifier(watch)] = watch }
            return !state.isClosed
        }
    }

    func remove(_ watch: any SourceWatch) {
        state.withLock { _ = $0.open.removeValue(forKey: ObjectIdentifier(watch)) }
    }

    /// Ends all of them, and takes no more.
    func close() async {
        let open = state.withLock { state in
            state.isClosed = true
            return Array(state.open.values)
        }
        for watch in open { await watch.end() }
    }
}
