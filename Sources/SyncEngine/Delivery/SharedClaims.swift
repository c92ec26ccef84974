import Synchronization

/// Claims of one run. Requests whose turn comes while a claim is being written share the next one, which says that all of
/// them may be sent: as many transactions as the warehouse can take, however many requests begin at once.
///
/// Each claim that returns was begun after it was asked for, so it proves the lease as late as a claim for one request would.
final class SharedClaims: Sendable {
    private enum Turn { case lead, done }

    private struct Request {
        var sequence: Int64
        var continuation: CheckedContinuation<Turn, any Error>
    }

    private struct State {
        var isUnderWay = false
        var waiting: [Request] = []
    }

    private let state = Mutex(State())
    private let write: @Sendable (_ through: Int64) async throws -> Void

    /// - Parameter write: says durably that changes up to this sequence may have been sent.
    init(write: @escaping @Sendable (_ through: Int64) async throws -> Void) { self.write = write }

    /// Requests that wait for the next claim.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Returns when it is written down that changes up to this sequence may have been sent.
    func claim(through sequence: Int64) async throws {
        guard try await turn(sequence) == .lead else { return }
        let others = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        let outcome = await result(through: others.map(\.sequence).reduce(sequence, max))
        for other in others { other.continuation.resume(with: outcome.map { .done }) }
        passOn()
        try outcome.get()
    }

    /// Leads at once where no claim is under way, else when the present one has ended, unless another leads for this one.
    private func turn(_ sequence: Int64) async throws -> Turn {
        try await withCheckedThrowingContinuation { continuation in
            let leads = state.withLock { state in
                defer { state.isUnderWay = true }
                if state.isUnderWay { state.waiting.append(Request(sequence: sequence, continuation: continuation)) }
                return !state.isUnderWay
            }
            if leads { continuation.resume(returning: .lead) }
        }
    }

    private func result(through sequence: Int64) async -> Result<Void, any Error> {
        do { return .success(try await write(sequence)) } catch { return .failure(error) }
    }

    private func passOn() {
        let next = state.withLock { state -> Request? in
            state.isUnderWay = !state.waiting.isEmpty
            return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
        }
        next?.continuation.resume(returning: .lead)
    }
}
