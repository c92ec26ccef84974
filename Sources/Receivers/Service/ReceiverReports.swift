package import Foundation
package import RollcallCore
package import Warehouse

/// A receiver as pages, the API and `check` show it.
package struct ReceiverStatus: Sendable {
    package var settings: ReceiverSettings
    /// nil: the warehouse cannot be read now.
    package var summary: ReceiverSummary?
    /// Bodies that wait in the spool for the receiver's warehouse, those of its other receivers included.
    package var spooledBodies: Int
    package var spooledBytes: Int64
    /// Why the warehouse cannot be read or written; nil: it can.
    package var problem: RunError?

    package init(
        settings: ReceiverSettings, summary: ReceiverSummary? = nil, spooledBodies: Int = 0, spooledBytes: Int64 = 0,
        problem: RunError? = nil
    ) {
        self.settings = settings
        self.summary = summary
        self.spooledBodies = spooledBodies
        self.spooledBytes = spooledBytes
        self.problem = problem
    }
}

/// Figures of a process, since its start.
package struct ReceiverMetrics: Sendable, Equatable {
    package struct Requests: Sendable, Equatable {
        package var receiver: String
        package var outcome: ReceiverOutcome
        package var count: Int

        package init(receiver: String, outcome: ReceiverOutcome, count: Int) {
            self.receiver = receiver
            self.outcome = outcome
            self.count = count
        }
    }

    package struct Spool: Sendable, Equatable {
        package var warehouse: String
        package var bodies: Int
        package var bytes: Int64

        package init(warehouse: String, bodies: Int, bytes: Int64) {
            self.warehouse = warehouse
            self.bodies = bodies
            self.bytes = bytes
        }
    }

    /// By receiver and outcome, zeros included; receivers by name, outcomes in the order of ``ReceiverOutcome``. A body in the spool
    /// counts when it is stored.
    package var requests: [Requests] = []
    /// What waits in the spool, by warehouse, those that the configuration does not have included.
    package var spools: [Spool] = []
    /// Bodies between their arrival and their answer.
    package var waiting = 0

    package init() {}
}

extension ReceiverService {
    package func metrics() -> ReceiverMetrics {
        let (lanes, names) = lanesAndReceivers()
        let all = totals.all
        var metrics = ReceiverMetrics()
        // Those of receivers that are no longer configured stay: a total never falls.
        for receiver in Set(all.keys.map(\.receiver)).union(names).sorted() {
            metrics.requests += ReceiverOutcome.allCases.map { outcome in
                let key = OutcomeTotals.Key(receiver: receiver, outcome: outcome)
                return ReceiverMetrics.Requests(receiver: receiver, outcome: outcome, count: all[key] ?? 0)
            }
        }
        metrics.spools = lanes.map { lane in
            let spooled = lane.spooled
            return ReceiverMetrics.Spool(warehouse: lane.warehouse, bodies: spooled.bodies, bytes: spooled.bytes)
        }
        metrics.spools += strays.map {
            ReceiverMetrics.Spool(warehouse: $0.warehouse, bodies: $0.bodies, bytes: $0.bytes)
        }
        metrics.spools.sort { $0.warehouse < $1.warehouse }
        metrics.waiting = lanes.reduce(0) { $0 + $1.inbox.waiting }
        return metrics
    }

    /// One for each configured receiver, in the order of the configuration.
    /// - Parameter since: counts are given from this hour on.
    package func statuses(since: Date) async -> [ReceiverStatus] {
        let (lanes, names) = lanesAndReceivers()
        let found = await withTaskGroup(of: [ReceiverStatus].self) { group in
            for lane in lanes { group.addTask { await lane.statuses(since: since) } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        let byName = Dictionary(found.map { ($0.settings.name, $0) }) { first, _ in first }
        return names.compactMap { byName[$0] }
    }
}

extension WarehouseLane {
    /// Longer than a page is waited for.
    private static let statusLimit = Duration.seconds(5)

    fileprivate func statuses(since: Date) async -> [ReceiverStatus] {
        let receivers = receivers
        if receivers.isEmpty { return [] }
        let names = receivers.map(\.name)
        let outcome = await call(atMost: Self.statusLimit) { store throws(WarehouseError) in
            try await store.receiverSummaries(names, since: since)
        }
        let spooled = spooled
        return receivers.map { settings in
            var status = ReceiverStatus(
                settings: settings, spooledBodies: spooled.bodies, spooledBytes: spooled.bytes, problem: health.problem)
            switch outcome {
            case .success(let summaries): status.summary = summaries[settings.name] ?? ReceiverSummary()
            case .failure(let error): status.problem = status.problem ?? error.error
            }
            return status
        }
    }
}
