import Synchronization

/// Whether a reading has given anything to its caller, which cannot be taken back.
final class GivenRows: Sendable {
    private let hasBegun = Atomic(false)

    var isEmpty: Bool { !hasBegun.load(ordering: .acquiring) }

    /// Notes that something is given now.
    func note() {
        // Nearly every call finds it noted: threads that only look do not slow each other down.
        if isEmpty { hasBegun.store(true, ordering: .releasing) }
    }

    /// Reads, and says of a failure whether it came after that: see ``PostgresFailure/isAfterRows``.
    func during<T: ~Copyable>(_ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch var failure as PostgresFailure {
            failure.isAfterRows = !isEmpty
            throw failure
        }
    }
}
