import Synchronization

/// Notes what of one kind is refused, once a minute for each receiver.
final class RejectionNotes: Sendable {
    private static let every = Duration.seconds(60)

    private struct Seen {
        var notedAt: Duration
        var count = 0
    }

    private let seen = Mutex<[String: Seen]>([:])
    private let clock: any ReceiverClock
    private let note: @Sendable (ReceiverNote) -> Void

    init(clock: any ReceiverClock, note: @escaping @Sendable (ReceiverNote) -> Void) {
        self.clock = clock
        self.note = note
    }

    /// - Parameter make: is given how many were refused since the last note.
    func add(_ receiver: String, _ make: (Int) -> ReceiverNote) {
        let now = clock.uptime
        let count = seen.withLock { seen -> Int? in
            if let last = seen[receiver], now - last.notedAt < Self.every {
                seen[receiver]?.count += 1
                return nil
            }
            defer { seen[receiver] = Seen(notedAt: now) }
            return (seen[receiver]?.count ?? 0) + 1
        }
        if let count { note(make(count)) }
    }
}
