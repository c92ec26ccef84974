import Dispatch
import Foundation
import Synchronization

/// The signals of a server: SIGTERM and SIGINT ask it to stop, SIGHUP to reload its configuration.
// SAFETY: `sources` is filled in `init` and kept, never read again.
final class ServeSignals: @unchecked Sendable {
    /// One element for each SIGTERM or SIGINT; the third ends the process there and then.
    let stops: AsyncStream<Void>
    /// One element for each SIGHUP.
    let hangups: AsyncStream<Void>
    private var sources: [any DispatchSourceSignal] = []
    private let counter = Counter()

    private final class Counter: Sendable {
        private let count = Mutex(0)

        func add() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }

    init() {
        let (stops, stop) = AsyncStream.makeStream(of: Void.self)
        let (hangups, hangup) = AsyncStream.makeStream(of: Void.self)
        self.stops = stops
        self.hangups = hangups
        signal(SIGPIPE, SIG_IGN)
        for (number, continuation) in [(SIGTERM, stop), (SIGINT, stop), (SIGHUP, hangup)] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [counter] in
                if number != SIGHUP, counter.add() > 2 { _exit(130) }
                continuation.yield()
            }
            source.resume()
            sources.append(source)
        }
    }
}
