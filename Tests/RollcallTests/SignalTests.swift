import Dispatch
import Foundation
import SyncEngine
import Synchronization
import Testing

@testable import rollcall

/// What signals do to a process, each tried in one that may end.
@Suite(.timeLimit(.minutes(10))) struct SignalTests {
    @Test func aSignalThatComesBeforeItIsFollowedIsAnswered() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let signals = await Signals.take()
            kill(getpid(), SIGINT)
            let stop = StopSignal()
            let watch = Signals.follow(signals, stop: stop, console: .standard) { exit(7) }
            await stop.wait()
            #expect(stop.reason == .interrupted)
            // The second one is another signal.
            kill(getpid(), SIGTERM)
            await forEver()
            withExtendedLifetime(watch) {}
        }
    }

    @Test func aServerIsAskedToReloadAndThenTwiceToStop() async {
        await #expect(processExitsWith: .success) {
            let signals = await ServeSignals()
            var (stops, hangups) = (signals.stops.makeAsyncIterator(), signals.hangups.makeAsyncIterator())
            for number in [SIGHUP, SIGTERM, SIGHUP, SIGINT] {
                kill(getpid(), number)
                if number == SIGHUP { await hangups.next() } else { await stops.next() }
            }
        }
    }

    /// Also where tasks keep every thread of Swift's busy: such a process ends by no other way.
    @Test func theThirdSignalEndsTheProcessAtOnce() async {
        await #expect(processExitsWith: .exitCode(130)) {
            let signals = await ServeSignals()
            var stops = signals.stops.makeAsyncIterator()
            for _ in 0..<2 {
                kill(getpid(), SIGTERM)
                await stops.next()
            }
            let threads = ProcessInfo.processInfo.activeProcessorCount
            let held = Holding()
            for _ in 0..<4 * threads { Task.detached { held.hold(signalAt: threads) } }
            await forEver()
        }
    }
}

/// Keeps threads from going on.
private final class Holding: Sendable {
    private let count = Atomic(0)
    private let end = DispatchSemaphore(value: 0)

    /// Never returns. The call with this number sends a SIGTERM first.
    func hold(signalAt number: Int) {
        if count.add(1, ordering: .relaxed).newValue == number { kill(getpid(), SIGTERM) }
        end.wait()
    }
}

private func forEver() async {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    for await _ in stream {}
    continuation.finish()
}
