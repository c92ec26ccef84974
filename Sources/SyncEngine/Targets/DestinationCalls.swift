import RollcallCore

/// Tries calls of a destination again, other than deliveries, as long as that may help and can do no harm.
struct DestinationCalls: Sendable {
    let clock: any EngineClock
    let stop: StopSignal

    /// As ``retrying(while:_:)`` for calls that may be repeated whatever became of them.
    func retrying<R>(_ body: () async throws(DestinationError) -> R) async throws -> R {
        do throws(DestinationError) {
            return try await retrying(while: \.isTransient, body)
        } catch {
            throw failure(error)
        }
    }

    /// What a call ends with that has not got through. Where the run is to stop, and another try might have helped, that is
    /// `CancellationError`: the run was stopped, it has not failed.
    func failure(_ error: DestinationError) -> any Error {
        error.isTransient && stop.reason != nil ? CancellationError() : error.error
    }

    /// As ``retrying(_:)``, until it gets through or nothing more is to be done.
    func retryingUntilStopped<R>(
        _ isStopped: () -> Bool, _ body: () async throws(DestinationError) -> R
    ) async throws -> R {
        var pause = Self.longestPause / 64
        while true {
            do throws(DestinationError) {
                return try await body()
            } catch {
                guard error.isTransient, !isStopped() else { throw failure(error) }
                await stop.sleep(for: max(pause, min(error.retryAfter ?? .zero, Self.longestPause)), on: clock)
                pause = min(pause * 2, Self.longestPause)
            }
        }
    }

    /// As long as what a stream sends waits for an Iterable that is away.
    private static let longestPause = Duration.seconds(60)

    /// Tries four times.
    func retrying<R>(
        while mayTryAgain: (DestinationError) -> Bool, _ body: () async throws(DestinationError) -> R
    ) async throws(DestinationError) -> R {
        for pause in [1, 2, 4] {
            do throws(DestinationError) {
                return try await body()
            } catch {
                guard mayTryAgain(error), stop.reason == nil else { throw error }
                let wait = max(Duration.seconds(pause), min(error.retryAfter ?? .zero, .seconds(30)))
                await stop.sleep(for: wait, on: clock)
            }
        }
        return try await body()
    }
}
