import SyncEngine
import UnixSignals

/// The signals of a command that sends: Ctrl-C and SIGTERM.
enum Signals {
    /// From its return on, neither of them ends the process by itself.
    static func take() async -> UnixSignalsSequence { await UnixSignalsSequence(trapping: .sigint, .sigterm) }

    /// Turns a signal into a request to stop; those after it give up the requests under way.
    /// - Parameter onSecond: called when a signal comes after the first one.
    static func follow(
        _ signals: UnixSignalsSequence, stop: StopSignal, console: Console, onSecond: @escaping @Sendable () -> Void
    ) -> SignalWatch {
        SignalWatch {
            for await _ in signals {
                if stop.reason == nil {
                    stop.request(.interrupted)
                    console.note("\nstopping: the requests under way get their answers; once more to give them up")
                } else {
                    onSecond()
                }
            }
        }
    }

    /// Returns on Ctrl-C or SIGTERM.
    static func first() async {
        for await _ in await take() { return }
    }
}
