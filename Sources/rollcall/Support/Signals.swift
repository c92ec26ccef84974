import Dispatch
import Foundation
import SyncEngine

/// Turns Ctrl-C and SIGTERM into a request to stop; a second one gives up the requests under way.
// SAFETY: `sources` is filled in `init` and kept, never read again.
final class Signals: @unchecked Sendable {
    private var sources: [any DispatchSourceSignal] = []

    /// - Parameter onSecond: called when the signal comes again.
    init(stop: StopSignal, console: Console, onSecond: @escaping @Sendable () -> Void) {
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if stop.reason == nil {
                    stop.request(.interrupted)
                    console.note("\nstopping: the requests under way get their answers; once more to give them up")
                } else {
                    onSecond()
                }
            }
            source.resume()
            sources.append(source)
        }
    }
}
