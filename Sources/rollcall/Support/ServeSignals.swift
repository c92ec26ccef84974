import Foundation
import UnixSignals

/// The signals of a server: SIGTERM and SIGINT ask it to stop, SIGHUP to reload its configuration.
struct ServeSignals: Sendable {
    /// One element for each SIGTERM or SIGINT; the third ends the process at once.
    let stops: AsyncStream<Void>
    /// One element for each SIGHUP.
    let hangups: AsyncStream<Void>
    private let watch: SignalWatch

    /// From its return on, none of these signals ends the process by itself.
    init() async {
        let (stops, stop) = AsyncStream.makeStream(of: Void.self)
        let (hangups, hangup) = AsyncStream.makeStream(of: Void.self)
        self.stops = stops
        self.hangups = hangups
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        watch = SignalWatch {
            var stopsAsked = 0
            for await signal in signals {
                if signal == .sighup {
                    hangup.yield()
                    continue
                }
                stopsAsked += 1
                // The first two are the server's to answer.
                if stopsAsked > 2 { _exit(ExitStatus.interrupted.rawValue) }
                stop.yield()
            }
        }
    }
}
