package import Foundation

/// What is known of a sync or a receiver when its condition is judged.
package protocol AlertEvidence: Sendable {
    /// How it is doing.
    /// - Parameter previous: what was reported last.
    func condition(after previous: AlertCondition?, _ thresholds: AlertThresholds) -> AlertCondition
    /// The message that a change asks for; nil where it asks for none.
    func alert(from previous: AlertCondition?, to condition: AlertCondition, _ thresholds: AlertThresholds) -> Alert?
}

/// What is known of a sync when its condition is judged.
package struct AlertFacts: AlertEvidence {
    package var sync: String
    package var latestRun: SyncRun?
    package var heldRun: SyncRun?
    /// Start of the latest run that ended well, with failed records or without.
    package var latestGoodStart: Date?
    /// The first tick that has a row; nil without one.
    package var firstTick: Date?
    /// nil: the sync has no schedule, is disabled or paused, and cannot be late.
    package var grid: TickGrid?
    /// Whether the configuration says that the sync streams, in whichever process.
    package var isStreamed = false
    /// Seconds that the stream of this process lags behind its source; nil: another process may have the stream, or nothing was
    /// measured here yet.
    package var streamLag: Double?
    package var now: Date

    package init(sync: String, now: Date) {
        self.sync = sync
        self.now = now
    }

    /// How the sync is doing.
    /// - Parameter previous: what was reported last; a run that was interrupted or cancelled, or is in progress, changes nothing.
    package func condition(after previous: AlertCondition?, _ thresholds: AlertThresholds) -> AlertCondition {
        if let heldRun { return .held(runID: heldRun.id) }
        if latestRun?.status == .failed { return .failed }
        // While it is tried again, that it has failed says more.
        let isTriedAgain = previous == .failed && latestRun?.status == .running
        if !isTriedAgain, isBehind(after: previous) { return .behind }
        let isLate = lateSince(thresholds) != nil
        switch latestRun?.status {
        case .succeeded?, .completedWithFailures?:
            let failures = latestRun.map { $0.counts.failed.total + $0.counts.invalid } ?? 0
            if failures > thresholds.failuresOver { return .failures }
        case .running?, .queued?, .interrupted?, .held?:
            if let previous, previous == .failed || previous == .failures { return previous }
        case .failed?, .cancelled?, .skipped?, nil: break
        }
        return isLate ? .late : .fine
    }

    /// Whether the stream lags too much. Only the process that streams knows; others leave what it has reported.
    private func isBehind(after previous: AlertCondition?) -> Bool {
        guard isStreamed else { return false }
        return streamLag.map { $0 > AlertThresholds.behindAfterSeconds } ?? (previous == .behind)
    }

    /// The tick that is still not made good; nil if the sync is in time.
    package func lateSince(_ thresholds: AlertThresholds) -> Date? {
        guard let grid, let firstTick else { return nil }
        let due = grid.latest(notAfter: now.addingTimeInterval(-60 * Double(thresholds.lateAfterMinutes)))
        // The clocks of warehouse and process may differ a little.
        let good = latestGoodStart.map { $0.addingTimeInterval(60) } ?? .distantPast
        return due >= firstTick && good < due ? due : nil
    }

    package func alert(
        from previous: AlertCondition?, to condition: AlertCondition, _ thresholds: AlertThresholds
    ) -> Alert? {
        if condition == previous { return nil }
        switch condition {
        case .fine:
            guard let previous, previous != .fine else { return nil }
            return Alert(kind: .recovered, sync: sync, run: latestRun)
        case .failed: return Alert(kind: .failed, sync: sync, run: latestRun)
        case .failures: return Alert(kind: .failures, sync: sync, run: latestRun)
        case .held: return Alert(kind: .held, sync: sync, run: heldRun)
        case .late: return Alert(kind: .late, sync: sync, since: lateSince(thresholds))
        case .behind:
            let since = streamLag.map { now.addingTimeInterval(-$0) }
            return Alert(kind: .streamBehind, sync: sync, run: latestRun, since: since)
        case .silent: return nil
        }
    }
}

/// What is known of a receiver when its condition is judged.
package struct ReceiverAlertFacts: AlertEvidence {
    package var receiver: String
    /// When the latest event came, whether it was kept or left out; nil: none ever has.
    package var latestAt: Date?
    package var now: Date

    package init(receiver: String, latestAt: Date?, now: Date) {
        self.receiver = receiver
        self.latestAt = latestAt
        self.now = now
    }

    /// Silent, where nothing came for ``AlertThresholds/silentAfterMinutes``; one that never got anything is not set up yet.
    package func condition(after previous: AlertCondition?, _ thresholds: AlertThresholds) -> AlertCondition {
        guard let latestAt else { return previous ?? .fine }
        return now.timeIntervalSince(latestAt) >= 60 * Double(thresholds.silentAfterMinutes) ? .silent : .fine
    }

    package func alert(
        from previous: AlertCondition?, to condition: AlertCondition, _ thresholds: AlertThresholds
    ) -> Alert? {
        if condition == previous { return nil }
        switch condition {
        case .silent: return Alert(kind: .receiverSilent, subject: .receiver(receiver), since: latestAt)
        case .fine where previous != nil: return Alert(kind: .recovered, subject: .receiver(receiver))
        case .fine, .failed, .failures, .held, .late, .behind: return nil
        }
    }
}
