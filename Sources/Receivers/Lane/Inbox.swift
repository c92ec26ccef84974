import Synchronization

/// Bodies that wait until they are durable: bounded, in the order in which they came.
final class Inbox: Sendable {
    /// Source: the product's contract.
    static let mostBodies = 10_000
    static let mostBytes = 64_000_000

    struct Entry: Sendable {
        var item: ReceivedItem
        var bytes: Int
        var arrivedAt: Duration
        /// Gets whether the body is durable.
        var answer: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var entries: [Entry] = []
        var bodies = 0
        var bytes = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    /// Rung when there is something to take, or enough for a whole group.
    let bell = Doorbell()

    /// Bodies between their arrival and their answer.
    var waiting: Int { state.withLock { $0.bodies } }

    var hasRoom: Bool {
        state.withLock { !$0.isClosed && $0.bodies < Self.mostBodies && $0.bytes < Self.mostBytes }
    }

    /// Takes room for a body. One that is larger than all the room is taken when nothing else waits.
    func reserve(_ bytes: Int) -> Bool {
        state.withLock { state in
            let fits = state.bodies < Self.mostBodies && (state.bytes + bytes <= Self.mostBytes || state.bodies == 0)
            guard fits, !state.isClosed else { return false }
            state.bodies += 1
            state.bytes += bytes
            return true
        }
    }

    /// Gives room back.
    func release(_ bytes: Int) {
        state.withLock { state in
            state.bodies -= 1
            state.bytes -= bytes
        }
    }

    /// - Returns: whether the body became durable; false at once when the inbox is closed.
    func keep(_ item: ReceivedItem, bytes: Int, arrivedAt: Duration) async -> Bool {
        await withCheckedContinuation { continuation in
            let entry = Entry(item: item, bytes: bytes, arrivedAt: arrivedAt, answer: continuation)
            let (isClosed, wakes) = state.withLock { state in
                if state.isClosed { return (true, false) }
                state.entries.append(entry)
                return (false, state.entries.count == 1 || state.entries.count == GroupMaker.mostBodies)
            }
            if isClosed { continuation.resume(returning: false) }
            if wakes { bell.ring() }
        }
    }

    /// How many wait, and since when the first of them does.
    var front: (count: Int, since: Duration?) {
        state.withLock { ($0.entries.count, $0.entries.first?.arrivedAt) }
    }

    /// All that wait.
    func takeAll() -> [Entry] {
        state.withLock { state in
            defer { state.entries = [] }
            return state.entries
        }
    }

    /// Nothing is taken any more.
    func close() {
        state.withLock { $0.isClosed = true }
        bell.ring()
    }
}

/// Makes groups of the bodies that wait.
struct GroupMaker {
    /// Source: the product's contract.
    static let mostBodies = 500
    static let longestWait = Duration.milliseconds(10)
    /// So that no transaction and no write of the spool becomes too large.
    static let mostBytes = 16_000_000

    private let inbox: Inbox
    private var backlog: ArraySlice<Inbox.Entry> = []

    init(_ inbox: Inbox) { self.inbox = inbox }

    enum Next {
        case group([Inbox.Entry])
        /// There will be one at the latest in so long.
        case later(Duration)
        case nothing
    }

    /// - Parameter isEnding: whether no more bodies will come.
    mutating func next(now: Duration, isEnding: Bool) -> Next {
        let front = inbox.front
        guard let since = backlog.first?.arrivedAt ?? front.since else { return .nothing }
        let isFull = backlog.count + front.count >= Self.mostBodies
        let age = now - since
        guard isFull || isEnding || age >= Self.longestWait else { return .later(Self.longestWait - age) }
        if backlog.count < Self.mostBodies { backlog = (Array(backlog) + inbox.takeAll())[...] }
        return .group(takeGroup())
    }

    private mutating func takeGroup() -> [Inbox.Entry] {
        var (count, bytes) = (0, 0)
        for entry in backlog.prefix(Self.mostBodies) {
            bytes += entry.bytes
            if count > 0, bytes > Self.mostBytes { break }
            count += 1
        }
        let group = Array(backlog.prefix(count))
        backlog = backlog.dropFirst(count)
        return group
    }
}
