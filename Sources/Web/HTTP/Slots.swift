import Hummingbird
import Synchronization

/// So many of something at once.
final class Slots: Sendable {
    /// The right to be one of them, as long as it is kept.
    final class Slot: Sendable {
        private let slots: Slots
        fileprivate init(_ slots: Slots) { self.slots = slots }
        deinit { slots.taken.withLock { $0 -= 1 } }
    }

    private let limit: Int
    private let taken = Mutex(0)

    init(_ limit: Int) { self.limit = limit }

    /// nil where all are taken.
    func take() -> Slot? {
        let isFree = taken.withLock { taken in
            guard taken < limit else { return false }
            taken += 1
            return true
        }
        return isFree ? Slot(self) : nil
    }

    static let problem: Problem = {
        var problem = Problem(
            .serviceUnavailable, "too_many", "Too many such requests are under way.", hint: "Try again a little later.")
        problem.headers[.retryAfter] = "2"
        return problem
    }()
}
