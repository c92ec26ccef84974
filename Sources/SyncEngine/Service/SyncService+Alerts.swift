package import Foundation
package import RollcallCore
package import Warehouse

extension SyncService {
    /// Judges how these syncs are doing and sends an event for each whose state is not the one that was last reported.
    func alert(
        _ syncs: [SyncSettings], _ warehouse: any ServiceWarehouse, _ generation: Generation
    ) async throws(WarehouseError) {
        guard let thresholds = generation.setup.alerts, !syncs.isEmpty else { return }
        let summaries = try await warehouse.summaries(syncs.map(\.name))
        for sync in syncs {
            guard let summary = summaries[sync.name] else { continue }
            try await judge(facts(sync, summary), AlertBook(sync.name, warehouse), summary.alertState, thresholds)
        }
    }

    /// The same for the receivers of a warehouse.
    func alertReceivers(_ warehouse: String, _ generation: Generation) async throws(WarehouseError) {
        let receivers = generation.setup.receivers
        guard let thresholds = generation.setup.alerts, let store = receivers.stores[warehouse],
            !receivers.hasBacklog(warehouse)
        else { return }
        let names = receivers.settings.filter { $0.warehouse == warehouse }.map(\.name)
        if names.isEmpty { return }
        let now = clock.wallTime
        // As far back as an hour may count; events that are kept say themselves when they came.
        let since = now.addingTimeInterval(-60 * Double(thresholds.silentAfterMinutes) - 3600)
        let summaries = try await store.receiverSummaries(names, since: since)
        for name in names {
            guard let summary = summaries[name] else { continue }
            let facts = ReceiverAlertFacts(receiver: name, latestAt: summary.latestSign(now: now), now: now)
            try await judge(facts, AlertBook(receiver: name, store), summary.alertState, thresholds)
        }
    }

    /// - Parameter text: what the warehouse has as the state that was last reported.
    private func judge(
        _ facts: some AlertEvidence, _ book: AlertBook, _ text: String?, _ thresholds: AlertThresholds
    ) async throws(WarehouseError) {
        let known = text.flatMap(AlertState.init(text:))
        let condition = facts.condition(after: known?.condition, thresholds)
        if condition == known?.condition { return }
        let next = known?.changed(to: condition) ?? AlertState(condition)
        let isOurs = try await book.change(text, next.text)
        guard isOurs, var alert = facts.alert(from: known?.condition, to: condition, thresholds) else { return }
        if known?.condition != .fine { alert.heardBy = known?.heardBy }
        hub.send(.alert(alert))
    }

    /// Notes which webhooks got an alert, so that only they get the one that says that all is well again, whichever process
    /// sends it. What cannot be noted is not known then, and everyone who wants to gets it.
    package func note(_ alert: Alert, heardBy webhooks: Set<String>) async {
        guard alert.kind != .recovered, let book = book(of: alert.subject) else { return }
        // Another process may change the state in between.
        for _ in 0..<3 {
            guard let text = try? await book.state(), var state = AlertState(text: text), state.condition != .fine
            else { return }
            state.heardBy = (state.heardBy ?? []).union(webhooks)
            if (try? await book.change(text, state.text)) == true { return }
        }
    }

    /// Where the state of this subject stands; nil: it is configured no more.
    private func book(of subject: AlertSubject) -> AlertBook? {
        let setup = generation.setup
        switch subject {
        case .sync(let name):
            return setup.sync(name).flatMap { setup.warehouses[$0.warehouse] }.map { AlertBook(name, $0) }
        case .receiver(let name):
            let settings = setup.receivers.settings.first { $0.name == name }
            return settings.flatMap { setup.receivers.stores[$0.warehouse] }.map { AlertBook(receiver: name, $0) }
        }
    }

    /// The same in the background, as soon as a run has ended. What fails is done by the next sweep.
    func submitAlerts(_ syncs: [SyncSettings], _ generation: Generation) {
        guard generation.setup.alerts != nil else { return }
        for sync in syncs {
            guard let warehouse = generation.setup.warehouses[sync.warehouse] else { continue }
            use(warehouse)
            let accepted = submit {
                try? await self.alert([sync], warehouse, generation)
                await self.release(warehouse)
            }
            if !accepted { release(warehouse) }
        }
    }

    private func facts(_ sync: SyncSettings, _ summary: SyncSummary) -> AlertFacts {
        var facts = AlertFacts(sync: sync.name, now: clock.wallTime)
        facts.latestRun = summary.latestRun
        facts.heldRun = summary.heldRun
        facts.latestGoodStart = summary.latestGoodStart
        facts.firstTick = summary.firstTick
        if let schedule = sync.schedule, sync.enabled, !summary.isPaused { facts.grid = TickGrid(schedule) }
        facts.isStreamed = sync.stream != nil
        facts.streamLag = sync.stream == nil ? nil : streams[sync.name]?.status.judgedLag
        return facts
    }
}

extension StreamStatus {
    /// The lag as far as alerts go, in seconds; nil where this process has not measured it: it streams nothing now, or has not read
    /// what an earlier process left.
    var judgedLag: Double? {
        switch phase {
        case .following, .sending: lagSeconds
        // What it had read still waits.
        case .failing: lagSeconds > 0 ? lagSeconds : nil
        case .starting, .paused, .held, .elsewhere: nil
        }
    }
}

/// Where a warehouse keeps what alerts last said of one sync or one receiver.
private struct AlertBook: Sendable {
    /// The state; nil: none is kept yet.
    let state: @Sendable () async throws(WarehouseError) -> String?
    /// Writes another state, if the present one still is the first of the two; false: another process was faster.
    let change: @Sendable (_ old: String?, _ new: String) async throws(WarehouseError) -> Bool

    init(_ sync: String, _ warehouse: any ServiceWarehouse) {
        state = { () async throws(WarehouseError) in try await warehouse.summaries([sync])[sync]?.alertState }
        change = { (old, new) async throws(WarehouseError) in
            try await warehouse.changeAlertState(sync: sync, from: old, to: new)
        }
    }

    init(receiver: String, _ store: any ReceiverStore) {
        state = { () async throws(WarehouseError) in
            try await store.receiverSummaries([receiver], since: .distantFuture)[receiver]?.alertState
        }
        change = { (old, new) async throws(WarehouseError) in
            try await store.changeReceiverAlert(receiver: receiver, from: old, to: new)
        }
    }
}

extension ReceiverSummary {
    /// Requests that leave no row that says when they came, but show that Iterable posts.
    private static let signs: Set<ReceiverOutcome> = [.repeated, .filtered, .withoutUser]

    /// When the latest event came, whether it was kept or not. Of those that left no row only the hour is known; its end counts, so
    /// that silence is found up to an hour late rather than where there is none.
    package func latestSign(now: Date) -> Date? {
        let hours = counts.filter { Self.signs.contains($0.outcome) && $0.count > 0 }
            .map { min(now, $0.hour.addingTimeInterval(3600)) }
        return ([latestAt].compactMap { $0 } + hours).max()
    }
}
