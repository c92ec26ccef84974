import Foundation
import RollcallCore
import Synchronization
import Warehouse

/// What several processes keep in one warehouse, by the rules of ``ReceiverStore``.
final class MemoryDatabase: Sendable {
    struct Contents: Sendable {
        var key: [UInt8]?
        var events: [String: ReceivedEventRow] = [:]
        var rejects: [RejectedBody] = []
        var counts: [String: Int] = [:]
        var writers: [String: Int64] = [:]
        /// Groups that changed something, in their order.
        var groups: [ReceivedGroup] = []
        /// How many groups each call that changed something stored.
        var transactions: [Int] = []
        var pruned: [(receiver: String, before: Date)] = []
        /// How often its tables were made or looked at.
        var migrations = 0
        /// Groups that were stored before that.
        var early = 0
    }

    private struct State {
        var contents = Contents()
        var watchers: [(@Sendable (Contents) -> Bool, CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    private let clock = Mutex<@Sendable () -> Date>({ ManualClock.start })

    var contents: Contents { state.withLock { $0.contents } }

    /// Its own clock.
    var time: Date { clock.withLock { $0 }() }
    func setClock(_ time: @escaping @Sendable () -> Date) { clock.withLock { $0 = time } }

    func change<R>(_ body: (inout Contents) -> R) -> R where R: Sendable {
        let (result, woken) = state.withLock { state in
            let result = body(&state.contents)
            let contents = state.contents
            let woken = state.watchers.filter { $0.0(contents) }
            state.watchers.removeAll { $0.0(contents) }
            return (result, woken.map(\.1))
        }
        for watcher in woken { watcher.resume() }
        return result
    }

    /// Returns when what it keeps is as wanted.
    func wait(until condition: @escaping @Sendable (Contents) -> Bool) async {
        await withCheckedContinuation { continuation in
            let holds = state.withLock { state in
                if condition(state.contents) { return true }
                state.watchers.append((condition, continuation))
                return false
            }
            if holds { continuation.resume() }
        }
    }

    func store(_ groups: [ReceivedGroup]) -> StoredGroups {
        change { contents in
            var result = StoredGroups()
            for group in groups { Self.store(group, &contents, &result) }
            if result.skipped < groups.count { contents.transactions.append(groups.count - result.skipped) }
            return result
        }
    }

    private static func store(_ group: ReceivedGroup, _ contents: inout Contents, _ result: inout StoredGroups) {
        guard group.sequence > contents.writers[group.writer] ?? 0 else {
            result.skipped += 1
            return
        }
        contents.writers[group.writer] = group.sequence
        contents.groups.append(group)
        if contents.migrations == 0 { contents.early += 1 }
        for event in group.events {
            var outcome = ReceiverOutcome.stored
            if contents.events[event.eventID] == nil {
                contents.events[event.eventID] = ReceivedEventRow(
                    event: event, lastReceivedAt: event.receivedAt, deliveries: 1)
                result.stored[event.receiver, default: 0] += 1
            } else {
                outcome = .repeated
                contents.events[event.eventID]?.deliveries += 1
                result.repeated[event.receiver, default: 0] += 1
            }
            contents.counts["\(event.receiver) \(outcome.rawValue)", default: 0] += 1
        }
        contents.rejects += group.rejects
        for count in group.counts {
            contents.counts["\(count.receiver) \(count.outcome.rawValue)", default: 0] += count.count
        }
    }
}

/// A process's connection to a database, with faults on request.
final class MemoryStore: ReceiverStore {
    enum Mode: Sendable, Equatable {
        case fine
        /// Nothing is done.
        case away
        /// It is done, but the answer is lost.
        case losesAnswers
        /// Nothing is done until ``release()``, or ever if the call was cancelled meanwhile and `heedsCancellation` is set.
        case hangs
        /// The next group is stored; later calls hang.
        case storesOnce
    }

    private struct State {
        var mode = Mode.fine
        var hanging: [CheckedContinuation<Void, Never>] = []
        var calls = 0
        var watchers: [(@Sendable (_ calls: Int, _ hanging: Int) -> Bool, CheckedContinuation<Void, Never>)] = []
    }

    static let lost = WarehouseError(.connection, "The connection was lost.")

    let database: MemoryDatabase
    private let state = Mutex(State())

    init(_ database: MemoryDatabase = MemoryDatabase(), _ mode: Mode = .fine) {
        self.database = database
        state.withLock { $0.mode = mode }
    }

    func set(_ mode: Mode) { state.withLock { $0.mode = mode } }

    /// Calls that hang now.
    var hanging: Int { state.withLock { $0.hanging.count } }

    /// Lets calls that hang go on, and do what they were to do.
    func release() {
        let hanging = state.withLock { state in
            defer { state.hanging = [] }
            return state.hanging
        }
        for call in hanging { call.resume() }
    }

    /// Returns when this number of calls were made or hang.
    func wait(until condition: @escaping @Sendable (_ calls: Int, _ hanging: Int) -> Bool) async {
        await withCheckedContinuation { continuation in
            let holds = state.withLock { state in
                if condition(state.calls, state.hanging.count) { return true }
                state.watchers.append((condition, continuation))
                return false
            }
            if holds { continuation.resume() }
        }
    }

    private func perform<R>(isStore: Bool = false, _ work: () -> R) async throws(WarehouseError) -> R {
        let mode = state.withLock { state in
            state.calls += 1
            defer { if isStore, state.mode == .storesOnce { state.mode = .hangs } }
            return state.mode
        }
        if mode == .hangs {
            await withCheckedContinuation { continuation in
                state.withLock { $0.hanging.append(continuation) }
                wake()
            }
        }
        wake()
        if mode == .away { throw Self.lost }
        let result = work()
        if mode == .losesAnswers { throw Self.lost }
        return result
    }

    private func wake() {
        let woken = state.withLock { state in
            let (calls, hanging) = (state.calls, state.hanging.count)
            let woken = state.watchers.filter { $0.0(calls, hanging) }
            state.watchers.removeAll { $0.0(calls, hanging) }
            return woken.map(\.1)
        }
        for watcher in woken { watcher.resume() }
    }

    // MARK: The port

    func schemaVersion() async throws(WarehouseError) -> Int? { try await perform { 9 } }
    func migrate() async throws(WarehouseError) -> MigrationResult {
        try await perform {
            database.change { $0.migrations += 1 }
            return MigrationResult(from: 9, to: 9)
        }
    }
    func diagnose(_ sources: [AudienceSource]) async -> [Finding] { [] }

    func receiverKey() async throws(WarehouseError) -> [UInt8] {
        try await perform {
            database.change { contents in
                let key = contents.key ?? [UInt8](repeating: 5, count: 32)
                contents.key = key
                return key
            }
        }
    }

    /// Without faults: a call that waits for nothing.
    func now() async throws(WarehouseError) -> Date { database.time }

    func storeReceived(_ groups: [ReceivedGroup]) async throws(WarehouseError) -> StoredGroups {
        try await perform(isStore: true) { database.store(groups) }
    }

    func pruneReceived(receiver: String, before time: Date, limit: Int) async throws(WarehouseError) -> Int {
        try await perform {
            database.change { contents in
                contents.pruned.append((receiver, time))
                let old = contents.events.filter {
                    $0.value.event.receiver == receiver && $0.value.event.receivedAt < time
                }
                for id in old.keys.sorted().prefix(limit) { contents.events[id] = nil }
                return min(limit, old.count)
            }
        }
    }

    func receiverSummaries(
        _ receivers: [String], since: Date
    ) async throws(WarehouseError) -> [String: ReceiverSummary] {
        try await perform {
            var summaries: [String: ReceiverSummary] = [:]
            for event in database.contents.events.values where receivers.contains(event.event.receiver) {
                summaries[event.event.receiver, default: ReceiverSummary()].newest += 1
            }
            return summaries
        }
    }

    func receivedEvents(_ filter: ReceivedFilter) async throws(WarehouseError) -> [ReceivedEventRow] { [] }
    func rejectedBodies(receiver: String, limit: Int) async throws(WarehouseError) -> [RejectedBody] { [] }
    func changeReceiverAlert(receiver: String, from old: String?, to new: String) async throws(WarehouseError) -> Bool {
        true
    }
}
