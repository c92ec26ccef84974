/// The total time allowed to an exchange has passed.
struct DeadlineExceeded: Error {}

/// Runs an operation and cancels it when the time is up. Returns as soon as the operation has ended, which must react to
/// cancellation. Errors of a cancelled operation become ``DeadlineExceeded``, or `CancellationError` when the caller
/// itself was cancelled.
func withDeadline<Value: Sendable>(
    _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Value
) async -> Result<Value, any Error> {
    await withTaskGroup(of: Result<Value, any Error>?.self) { group in
        group.addTask {
            do { return .success(try await operation()) } catch { return .failure(error) }
        }
        group.addTask {
            try? await Task.sleep(for: limit, clock: .continuous)
            return nil
        }
        var outcome: Result<Value, any Error>?
        var timeIsUp = false
        for await finished in group {
            if let finished {
                outcome = finished
            } else if outcome == nil {
                timeIsUp = !Task.isCancelled
            }
            group.cancelAll()
        }
        switch outcome {
        case .success(let value): return .success(value)
        case .failure where timeIsUp: return .failure(DeadlineExceeded())
        case .failure where Task.isCancelled: return .failure(CancellationError())
        case .failure(let error): return .failure(error)
        case nil: return .failure(CancellationError())
        }
    }
}
