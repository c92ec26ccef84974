import Foundation
import RollcallCore
import Warehouse

/// Empties a run's outbox: batches, a few requests at once, one transaction for each answer.
struct Delivery: Sendable {
    let warehouse: any Warehouse
    let sender: BatchSender
    let keeper: LeaseKeeper
    let limits: DestinationLimits
    let log: LogSettings
    let clock: any EngineClock
    let runClock: RunClock
    let stop: StopSignal
    let progress: ProgressHandler

    /// Sends what can be sent and leaves the rest in the outbox. `run` has the counts of what was acknowledged.
    /// - Returns: why it stopped before the end, and whether the list turned out to be gone.
    /// - Throws: `WarehouseError` when outcomes could not be recorded; they are then unknown to the next run.
    func deliver(_ run: inout SyncRun) async throws -> (stop: RunError?, listIsGone: Bool) {
        var current = run
        defer { run = current }
        var pages = ChangePages(run: run.id, warehouse: warehouse, keeper: keeper, limits: limits)
        var stopError: RunError?
        var listIsGone = false
        try await withThrowingTaskGroup(of: BatchResult.self) { group in
            var inFlight = 0
            var waiting: [Change]?
            // Why no further changes could be read; those under way still get their answers recorded.
            var lost: (any Error)?
            while true {
                while inFlight < limits.concurrentRequests && stopError == nil && stop.reason == nil && lost == nil {
                    guard let batch = try await waiting.orElse({ try await next(&pages, inFlight, &lost) }) else {
                        break
                    }
                    waiting = batch
                    // What must wait goes after everything else has its answer.
                    if batch.contains(where: { $0.notBefore != nil }) && inFlight > 0 { break }
                    if let delay = delay(batch) {
                        try await wait(delay)
                        if stop.reason != nil { break }
                    }
                    waiting = nil
                    inFlight += 1
                    group.addTask { await sender.send(batch) }
                }
                guard inFlight > 0, let result = try await group.next() else {
                    if let lost { throw lost }
                    return
                }
                inFlight -= 1
                if let failure = result.claimFailure { throw failure }
                stopError = stopError ?? result.stop
                listIsGone = listIsGone || result.listIsGone
                count(result, in: &current)
                try await acknowledge(result.outcomes, current)
                progress(.requests(current.requests))
                progress(.sending(done: done(current), total: current.counts.planned.total))
            }
        }
        return (stopError, listIsGone)
    }

    private func next(
        _ pages: inout ChangePages, _ inFlight: Int, _ lost: inout (any Error)?
    ) async throws -> [Change]? {
        do {
            return try await pages.nextBatch()
        } catch  where inFlight > 0 {
            lost = error
            return nil
        }
    }

    private func delay(_ batch: [Change]) -> Duration? {
        guard let time = batch.compactMap(\.notBefore).max() else { return nil }
        let seconds = time.timeIntervalSince(runClock.now)
        return seconds > 0 ? .seconds(seconds) : nil
    }

    private func wait(_ duration: Duration) async throws {
        progress(.waiting(seconds: duration.seconds, reason: "a request without an answer may still land"))
        await stop.sleep(for: duration, on: clock)
        try Task.checkCancellation()
    }

    private func acknowledge(_ outcomes: [BatchOutcome], _ run: SyncRun) async throws {
        try await keeper.patiently { () async throws(WarehouseError) in
            try await warehouse.acknowledge(keeper.lease, run, outcomes: outcomes, log: log)
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
                case .unknown: run.counts.unknown += 1
                case .notAttempted: run.counts.notAttempted += 1
                }
            }
        }
    }

    private func done(_ run: SyncRun) -> Int {
        run.counts.succeeded.total + run.counts.failed.total + run.counts.unknown + run.counts.notAttempted
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func orElse(_ body: () async throws -> Wrapped?) async rethrows -> Wrapped? {
        if let self { return self }
        return try await body()
    }
}

/// Cuts the outbox into batches of one operation, within the destination's limits of count and bytes.
struct ChangePages {
    let run: String
    let warehouse: any Warehouse
    let keeper: LeaseKeeper
    let limits: DestinationLimits
    private var page: ArraySlice<Change> = []
    private var last: Int64 = 0

    init(run: String, warehouse: any Warehouse, keeper: LeaseKeeper, limits: DestinationLimits) {
        self.run = run
        self.warehouse = warehouse
        self.keeper = keeper
        self.limits = limits
    }

    mutating func nextBatch() async throws -> [Change]? {
        if page.count < limits.subscribersPerRequest { try await fetch() }
        guard let first = page.first else { return nil }
        var bytes = DeliveryBody.envelopeBytes
        let batch = page.prefix(limits.subscribersPerRequest).prefix { change in
            bytes += DeliveryBody.size(of: change.identity, operation: change.operation)
            return change.operation == first.operation && (change.notBefore == nil) == (first.notBefore == nil)
                && (bytes <= DeliveryBody.maximumBytes || change.sequence == first.sequence)
        }
        page = page.dropFirst(batch.count)
        return Array(batch)
    }

    private mutating func fetch() async throws {
        let limit = limits.subscribersPerRequest * (limits.concurrentRequests + 1)
        let (warehouse, run, last) = (warehouse, run, last)
        let more = try await keeper.patiently { () async throws(WarehouseError) in
            try await warehouse.changes(run: run, after: last, limit: limit)
        }
        if let end = more.last { self.last = end.sequence }
        page = (Array(page) + more)[...]
    }
}
