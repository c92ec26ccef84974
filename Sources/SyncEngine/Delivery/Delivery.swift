import Foundation
import RollcallCore
import Warehouse

/// Empties a run's outbox. Three things happen at once: a few requests, the recording of the answers that have come, and
/// the reading of the changes to be sent next. Answers that come while others are being recorded share the next
/// transaction, so that where nothing else limits the pace, the warehouse is kept busy with few large ones.
struct Delivery: Sendable {
    let context: RunContext
    let sender: BatchSender

    private var warehouse: any Warehouse { context.warehouse }
    private var keeper: LeaseKeeper { context.keeper }
    private var stop: StopSignal { context.stop }

    /// How it ended.
    struct Ending: Sendable {
        /// Why nothing more could be sent; nil where all was sent, or the run was asked to stop.
        var error: RunError?
        /// Iterable said that what the run sends to does not exist.
        var targetIsGone = false
        /// Names of fields that Iterable did not take although it took the records.
        var leftOut: Set<String> = []
        /// Of events: people of whom an event waits or has no answer, so that their later ones wait too.
        var stopped: Set<Identity> = []

        /// Whether everything was sent, unless the run was asked to stop.
        var isWhole: Bool { error == nil && !targetIsGone }
    }

    /// Something that was under way has ended.
    private enum Event: Sendable {
        case answered([Change], BatchResult)
        case recorded(Result<Void, any Error>)
        case read(Result<[Change], any Error>)
    }

    private struct State {
        /// The run with the counts of what was recorded, or is being recorded.
        var run: SyncRun
        var pages: ChangePages
        /// Of events: who must wait for whom; nil: the order of changes does not matter.
        var order: PersonOrder?
        /// A batch that must wait until everything before it is recorded.
        var waiting: [Change]?
        var inFlight = 0
        /// Answers that are still to be recorded.
        var answered: [BatchResult] = []
        /// Answers with refusals that may turn out to be about their events, once something was taken.
        var unjudged: [BatchResult] = []
        /// Answers that are being recorded.
        var recording: [BatchResult] = []
        var isReading = false
        var stopError: RunError?
        var targetIsGone = false
        var leftOut: Set<String> = []
        /// Why no further changes could be read; what is under way still gets its answers recorded.
        var lost: (any Error)?
        /// Why nothing more can be recorded.
        var failure: (any Error)?

        /// Whether no change that was sent is without a recorded outcome.
        var isRecorded: Bool { inFlight == 0 && answered.isEmpty && recording.isEmpty }
    }

    private typealias Group = TaskGroup<Event>

    /// Sends what can be sent and leaves the rest in the outbox. `run` has the counts of what was acknowledged.
    /// - Parameter sequence: changes up to this one have their outcomes.
    /// - Returns: why it stopped before the end.
    /// - Throws: `WarehouseError` when outcomes could not be recorded; they are then unknown to the next run.
    func deliver(_ run: inout SyncRun, after sequence: Int64 = 0) async throws -> Ending {
        let pages = ChangePages(
            context.limits, context.destination.bodyLimits, run.kind,
            hasContents: run.kind != .list || context.sync.memberFields != nil, after: sequence
        ) {
            [target = sender.target, limits = context.limits] in target.recordsPerRequest($0, limits)
        }
        var state = State(run: run, pages: pages, order: run.kind == .events ? PersonOrder() : nil)
        defer { run = state.run }
        await withTaskGroup(of: Event.self) { group in
            while state.failure == nil {
                record(&state, &group)
                do { try await send(&state, &group) } catch { state.failure = error }
                readAhead(&state, &group)
                if state.isRecorded, !(state.isReading && goesOn(state)) {
                    if state.unjudged.isEmpty { break }
                    state.answered = state.unjudged
                    state.unjudged = []
                    continue
                }
                guard let event = await group.next() else { break }
                take(event, &state)
            }
            group.cancelAll()
            for await event in group { take(event, &state) }
        }
        if let failure = state.failure {
            try await leaveStrays(of: state.run, state.answered + state.unjudged + state.recording, failure)
            throw failure
        }
        if let lost = state.lost { throw lost }
        return Ending(
            error: state.stopError, targetIsGone: state.targetIsGone, leftOut: state.leftOut,
            stopped: state.order?.stoppedPeople ?? [])
    }

    /// Sends one change by itself, and records its outcome before it returns.
    func deliver(only change: Change, _ run: inout SyncRun) async throws -> (RecordOutcome, Ending) {
        let result = await sender.send([change])
        var counted = run
        count(result, in: &counted)
        do {
            if let failure = result.claimFailure { throw failure }
            try await acknowledge(counted, result.outcomes)
        } catch {
            try await leaveStrays(of: counted, [result], error)
            throw error
        }
        run = counted
        return (
            result.outcomes.first?.exceptions[change.sequence] ?? .succeeded,
            Ending(error: result.stop, targetIsGone: result.targetIsGone, leftOut: result.leftOut)
        )
    }

    /// Whether more may be sent.
    private func goesOn(_ state: State) -> Bool {
        state.stopError == nil && stop.reason == nil && state.lost == nil
    }

    private func take(_ event: Event, _ state: inout State) {
        switch event {
        case .answered(let batch, let result):
            state.inFlight -= 1
            state.order?.end(batch, result.outcomes)
            state.failure = state.failure ?? result.claimFailure
            state.stopError = state.stopError ?? result.stop
            state.targetIsGone = state.targetIsGone || result.targetIsGone
            state.leftOut.formUnion(result.leftOut)
            if result.unjudged.isEmpty || state.unjudged.count == Self.mostUnjudged {
                state.answered.append(result)
            } else {
                state.unjudged.append(result)
            }
            judge(&state)
        case .recorded(.success):
            state.recording = []
            context.progress(.requests(state.run.requests))
            context.progress(.sending(done: done(state.run), total: state.run.counts.planned.total))
        case .recorded(.failure(let error)):
            state.failure = state.failure ?? error
        case .read(.success(let page)):
            state.isReading = false
            state.pages.add(page)
        case .read(.failure(let error)):
            state.isReading = false
            state.lost = error
        }
    }

    /// Answers that may rest until something was taken.
    private static let mostUnjudged = 16

    private func judge(_ state: inout State) {
        for index in state.unjudged.indices { sender.judgeAgain(&state.unjudged[index]) }
        state.answered += state.unjudged.filter(\.unjudged.isEmpty)
        state.unjudged.removeAll(where: \.unjudged.isEmpty)
    }

    // MARK: Sending

    /// Begins as many requests as may be under way. Answers that wait to be recorded count like requests, so that a slow
    /// warehouse slows the sending down, and at most twice as many requests as the limit have no recorded outcome.
    private func send(_ state: inout State, _ group: inout Group) async throws {
        while state.inFlight + state.answered.count < context.limits.concurrentRequests, goesOn(state) {
            guard let batch = state.waiting ?? state.pages.nextBatch() else { return }
            state.waiting = batch
            // What must wait goes after everything else has its answer.
            if batch.contains(where: { $0.notBefore != nil }) && !state.isRecorded { return }
            if let delay = delay(batch) {
                try await wait(delay)
                if stop.reason != nil { return }
            }
            if let order = state.order, !order.isFree(for: batch) { return }
            state.waiting = nil
            state.inFlight += 1
            state.order?.begin(batch)
            let withheld = state.order?.withheld(batch) ?? [:]
            group.addTask { [sender] in .answered(batch, await sender.send(batch, withheld: withheld)) }
        }
    }

    private func delay(_ batch: [Change]) -> Duration? {
        guard let time = batch.compactMap(\.notBefore).max() else { return nil }
        let seconds = time.timeIntervalSince(context.now)
        return seconds > 0 ? .seconds(seconds) : nil
    }

    private func wait(_ duration: Duration) async throws {
        context.progress(.waiting(seconds: duration.seconds, reason: "what was sent before may still land"))
        await stop.sleep(for: duration, on: context.clock)
        try Task.checkCancellation()
    }

    // MARK: The outbox

    private func readAhead(_ state: inout State, _ group: inout Group) {
        guard state.pages.isLow, !state.isReading, goesOn(state) else { return }
        state.isReading = true
        let (run, last, limit) = (state.run.id, state.pages.last, state.pages.pageSize)
        group.addTask { [keeper, warehouse] in
            do {
                return .read(
                    .success(
                        try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
                            try await warehouse.changes(run: run, after: last, limit: limit)
                        }))
            } catch {
                return .read(.failure(error))
            }
        }
    }

    // MARK: Recording

    /// Records all answers that are there in one transaction, unless one is under way.
    private func record(_ state: inout State, _ group: inout Group) {
        guard state.recording.isEmpty, !state.answered.isEmpty else { return }
        for result in state.answered { count(result, in: &state.run) }
        let (run, outcomes) = (state.run, state.answered.flatMap(\.outcomes))
        (state.recording, state.answered) = (state.answered, [])
        group.addTask {
            do {
                return .recorded(.success(try await acknowledge(run, outcomes)))
            } catch {
                return .recorded(.failure(error))
            }
        }
    }

    private func acknowledge(_ run: SyncRun, _ outcomes: [BatchOutcome]) async throws {
        try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await warehouse.acknowledge(keeper.lease, run, outcomes: outcomes, log: context.sync.logs)
        }
    }

    private func count(_ result: BatchResult, in run: inout SyncRun) {
        run.requests.sent += result.requests.sent
        run.requests.retried += result.requests.retried
        run.requests.rateLimited += result.requests.rateLimited
        for batch in result.outcomes {
            run.counts.succeeded[batch.operation] += batch.changes - batch.exceptions.count
            for outcome in batch.exceptions.values {
                switch outcome {
                case .succeeded: run.counts.succeeded[batch.operation] += 1
                case .failed, .rejected: run.counts.failed[batch.operation] += 1
                case .unknown: run.counts.unknown[batch.operation] += 1
                case .notAttempted: run.counts.notAttempted[batch.operation] += 1
                case .waiting:
                    run.counts.planned[batch.operation] -= 1
                    run.counts.waiting += 1
                }
            }
        }
    }

    private func done(_ run: SyncRun) -> Int {
        run.counts.succeeded.total + run.counts.failed.total + run.counts.unknown.total + run.counts.notAttempted.total
    }
}
