package import Foundation

/// What became of a tick.
package enum TickOutcome: String, Sendable, Codable, CaseIterable {
    /// A process has taken the tick and is about to begin its run.
    case pending
    /// The run with the tick's run id was begun.
    case ran
    /// The sync was running already.
    case skippedRunning = "skipped_running"
    /// A held run waited for a decision.
    case skippedHeld = "skipped_held"
    /// The sync was paused.
    case skippedPaused = "skipped_paused"
    /// The sync is disabled in the configuration.
    case skippedDisabled = "skipped_disabled"
    /// No process was there in time; a later tick made up for it.
    case missed
}

/// One tick of a sync's schedule: a row of `schedule_ticks`.
package struct Tick: Sendable, Equatable {
    package var sync: String
    package var dueAt: Date
    package var outcome: TickOutcome
    /// `pending`: the id that the run will have. `ran`: the run. `skipped_held`: the held run.
    package var runID: String?
    /// Seconds from `dueAt` to the start of the run, or to the moment the tick was decided upon otherwise.
    package var latenessSeconds: Double?

    package init(sync: String, dueAt: Date, outcome: TickOutcome, runID: String? = nil, latenessSeconds: Double? = nil)
    {
        self.sync = sync
        self.dueAt = dueAt
        self.outcome = outcome
        self.runID = runID
        self.latenessSeconds = latenessSeconds
    }
}

extension Tick {
    /// The tick after a process has said what became of it. The run with the tick's own id decides: if there is one, the
    /// tick ran, whatever the decision; without it, it did not. What was decided upon stays so otherwise.
    /// - Parameters:
    ///   - decision: outcome, lateness and, with `skipped_held`, the held run.
    ///   - runExists: whether a run has been begun with ``ownRunID(_:)``.
    package func resolved(as decision: Tick, runExists: Bool) -> Tick {
        if outcome == .ran { return self }
        var resolved = self
        if let own = ownRunID(decision), runExists {
            resolved.outcome = .ran
            resolved.runID = own
        } else if outcome == .pending, decision.outcome != .ran {
            resolved.outcome = decision.outcome
            resolved.runID =
                switch decision.outcome {
                case .pending: runID
                case .skippedHeld: decision.runID
                default: nil
                }
        } else {
            return self
        }
        resolved.latenessSeconds = decision.latenessSeconds ?? latenessSeconds
        return resolved
    }

    /// The id that the tick's run has, if it has one.
    package func ownRunID(_ decision: Tick) -> String? {
        switch outcome {
        case .pending: runID
        default: decision.outcome == .ran ? decision.runID : nil
        }
    }
}

/// Which ticks a sync owes at a time. Pure; the warehouse asks it inside the transaction that writes the rows.
package struct OwedTicks: Sendable, Equatable {
    /// The latest one: it runs, for all of them.
    package var due: Date
    /// The earlier ones, oldest first: they are recorded as missed.
    package var missed: TickRange

    /// nil where nothing is owed.
    /// - Parameters:
    ///   - now: wall clock.
    ///   - accountedThrough: up to where all ticks have rows, as far as is known; later than `now` when the clock was
    ///     set back.
    ///   - latestRow: the latest tick at or before `now` that has a row; matters only in that case.
    ///   - retentionDays: ticks that are older get no row any more; retention would delete it.
    package init?(grid: TickGrid, now: Date, accountedThrough: Date, latestRow: Date?, retentionDays: Int) {
        let due = grid.latest(notAfter: now)
        let known = accountedThrough <= now ? accountedThrough : latestRow ?? due.addingTimeInterval(-1)
        guard due > known else { return nil }
        let oldest = now.addingTimeInterval(-86_400 * Double(max(1, retentionDays)))
        self.due = due
        missed = grid.ticks(after: max(known, oldest), through: due.addingTimeInterval(-1))
    }
}
