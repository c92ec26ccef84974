import Foundation
import RollcallCore
import Synchronization
import Warehouse

/// What one warehouse keeps of its receivers: the way of a body from the inbox to its answer, and all that goes on beside it.
///
/// Groups of this process have one writer and rising sequences, and are made durable one after the other: either in the warehouse,
/// which stores no sequence twice and none that a later one has overtaken, or in the spool. While the spool holds any of them, later
/// ones go there too. So a group may be stored again whenever it is not certain that it was.
final class WarehouseLane: Sendable {
    static let storeLimit = Duration.seconds(10)
    static let endLimit = Duration.seconds(3)

    let warehouse: String
    let clock: any ReceiverClock
    let note: @Sendable (ReceiverNote) -> Void
    let totals: OutcomeTotals
    let inbox = Inbox()
    let health = LaneHealth()
    let keys: KeyHolder
    let disk = DiskWorker()
    let spool: WarehouseSpool?
    /// This process's own part of the spool.
    let folder: SpoolFolder?
    let writer: String
    /// Parts that earlier processes left.
    let adopted = Mutex<[SpoolFolder]>([])
    let ended = Occasion()
    let openBell = Doorbell()
    let drainBell = Doorbell()
    let retentionBell = Doorbell()

    private let counts = OutcomeCounts()
    private let state: Mutex<State>

    private struct State {
        var store: any ReceiverStore
        /// Counts the stores.
        var generation = 0
        var receivers: [ReceiverSettings]
        /// When the end is to be over; nil: none was asked for.
        var deadline: Duration?
        var nextCall = 0
        /// What was last noted of folders of the spool that cannot be read, by path.
        var spoolFailures: [String: SpoolFailure] = [:]
        /// Calls under way, as what gives them up.
        var calls: [Int: @Sendable () -> Void] = [:]
    }

    init(
        _ warehouse: String, store: any ReceiverStore, receivers: [ReceiverSettings], spool: WarehouseSpool?,
        totals: OutcomeTotals, clock: any ReceiverClock, note: @escaping @Sendable (ReceiverNote) -> Void
    ) {
        self.warehouse = warehouse
        self.spool = spool
        self.totals = totals
        self.clock = clock
        self.note = note
        let random = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        writer = random.hexadecimal
        folder = spool?.folder(ofWriter: writer)
        keys = KeyHolder(store)
        state = Mutex(State(store: store, receivers: receivers))
    }

    // MARK: Settings

    var receivers: [ReceiverSettings] { state.withLock { $0.receivers } }

    /// Another connection to the warehouse, and other receivers. What failed over the old one is tried again over the new one, which may
    /// lead to another database: nothing is stored there before its tables are ready and its key is read.
    func replace(store: any ReceiverStore, receivers: [ReceiverSettings]) {
        state.withLock { state in
            keys.change(to: store)
            state.store = store
            state.generation += 1
            state.receivers = receivers
        }
        ring()
    }

    // MARK: Requests

    /// Whether a body can be made durable, as far as that is known before it is read.
    var hasRoom: Bool { inbox.hasRoom && (folder != nil || health.pause(at: clock.uptime) == nil) }

    func count(_ receiver: String, _ outcome: ReceiverOutcome) {
        totals.add(receiver, outcome)
        if counts.add(receiver, outcome, at: clock.wallTime) { inbox.bell.ring() }
    }

    var hasCounts: Bool { !counts.isEmpty }
    func takeCounts() -> [ReceiverCount] { counts.takeAll() }
    func putBack(_ taken: [ReceiverCount]) { counts.putBack(taken) }

    /// Bodies in the spool, of earlier processes too.
    var spooled: SpoolAmount {
        let folders = (folder.map { [$0] } ?? []) + adopted.withLock { $0 }
        return folders.reduce(into: SpoolAmount()) { sum, folder in
            sum.bodies += folder.waiting.bodies
            sum.bytes += folder.waiting.bytes
        }
    }

    // MARK: Life

    /// Returns after ``stop()``. Called once.
    func run() async {
        await withTaskGroup { group in
            group.addTask { await self.open() }
            group.addTask { await self.drain() }
            group.addTask { await self.retain() }
            group.addTask {
                var writing = GroupWriting(self)
                await writing.run()
            }
        }
        await folder?.end()
        ended.happen()
    }

    var isStopping: Bool { state.withLock { $0.deadline != nil } }

    /// Takes no body any more; ``run()`` returns when what waits is durable, or cannot be made so within a few seconds.
    func stop() {
        // First, so that whoever knows of the stop finds everything that there will ever be.
        inbox.close()
        let isFirst = state.withLock { state in
            defer { state.deadline = state.deadline ?? clock.uptime + Self.endLimit }
            return state.deadline == nil
        }
        guard isFirst else { return }
        ring()
        Task {
            try? await clock.sleep(for: Self.endLimit)
            for giveUp in state.withLock({ $0.calls.values }) { giveUp() }
        }
    }

    /// For one that never ran: answers those who wait, and takes nothing any more.
    func abandon() {
        inbox.close()
        keys.attempt.happen()
        for entry in inbox.takeAll() { entry.answer.resume(returning: false) }
        ended.happen()
    }

    private func ring() {
        for bell in [inbox.bell, openBell, drainBell, retentionBell] { bell.ring() }
    }

    // MARK: Calls

    /// Calls the warehouse, at most for so long, and not beyond the end that was asked for. A call that failed because the store was
    /// replaced meanwhile is repeated with the new one.
    func call<R: Sendable>(
        atMost limit: Duration, _ body: @escaping @Sendable (any ReceiverStore) async throws(WarehouseError) -> R
    ) async -> Result<R, WarehouseError> {
        while true {
            let call = LimitedCall<R>()
            let (id, store, generation, deadline) = state.withLock { state in
                state.nextCall += 1
                state.calls[state.nextCall] = { call.giveUp() }
                return (state.nextCall, state.store, state.generation, state.deadline)
            }
            let rest = deadline.map { min(limit, $0 - clock.uptime) } ?? limit
            var outcome: LimitedCall<R>.Outcome?
            if rest > .zero {
                outcome = await call.run(atMost: rest, clock) { () async throws(WarehouseError) in
                    try await body(store)
                }
            }
            let isReplaced = state.withLock { state in
                state.calls[id] = nil
                return state.generation != generation && state.deadline == nil
            }
            if case .success(let result)? = outcome { return .success(result) }
            if isReplaced { continue }
            return outcome ?? .failure(noAnswer(within: rest))
        }
    }

    /// Stores groups; nil: the key of the present store is still to be read, and nothing was tried there.
    func store(
        _ groups: [ReceivedGroup], atMost limit: Duration
    ) async -> Result<StoredGroups?, WarehouseError> {
        await call(atMost: limit) { [keys] store throws(WarehouseError) in
            guard keys.isOpen(store) else { return nil }
            return try await store.storeReceived(groups)
        }
    }

    private func noAnswer(within limit: Duration) -> WarehouseError {
        WarehouseError(
            .timeout, "The warehouse \(warehouse) did not answer within \(DisplayText.duration(limit.seconds)).",
            hint: "Look whether it is overloaded, or whether a lock in it is held.")
    }

    func succeeded() {
        guard health.succeed() else { return }
        note(.warehouseBack(warehouse: warehouse))
        ring()
    }

    func failed(_ error: WarehouseError) {
        // What is given up for the end says nothing of the warehouse.
        if isStopping, error.kind == .timeout { return }
        guard health.fail(error.error, at: clock.uptime) else { return }
        note(.warehouseAway(warehouse: warehouse, problem: error.error, spools: folder != nil))
    }

    /// Notes why a folder of the spool cannot be read, once for each reason.
    /// - Parameter failure: nil: it can be read again.
    func spoolFailed(_ failure: SpoolFailure?, at path: String) {
        let isNew = state.withLock { state in
            defer { state.spoolFailures[path] = failure }
            return state.spoolFailures[path] != failure
        }
        if let failure, isNew { note(failure.note(warehouse)) }
    }

    /// Adds what stored groups did to the totals.
    func add(_ stored: StoredGroups, of groups: [ReceivedGroup]) {
        // Of groups that an earlier call stored, only how many events they have is known.
        for event in groups.prefix(stored.skipped).flatMap(\.events) { totals.add(event.receiver, .stored) }
        for (receiver, count) in stored.stored { totals.add(receiver, .stored, count) }
        for (receiver, count) in stored.repeated { totals.add(receiver, .repeated, count) }
    }
}

extension Duration {
    /// As a number of seconds.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
