import Synchronization

/// True the first time only.
final class OnceFlag: Sendable {
    private let isSet = Mutex(false)

    func set() -> Bool {
        isSet.withLock { isSet in
            defer { isSet = true }
            return !isSet
        }
    }
}
