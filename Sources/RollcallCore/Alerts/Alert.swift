public import Foundation

/// What an alert is about.
public enum AlertKind: String, Sendable, Codable, CaseIterable {
    /// A run failed.
    case failed
    /// A guard holds a run.
    case held
    /// A run completed with more failed records than ``AlertThresholds/failuresOver``.
    case failures
    /// A scheduled sync has not been brought up to date for too long.
    case late
    /// All is well again after one of the others.
    case recovered
}

/// When a number is worth an alert.
public struct AlertThresholds: Sendable, Equatable {
    /// Failed and invalid records of one run, 0 or more.
    public var failuresOver = 0
    /// Minutes that may pass after a tick until a run that began for it, or later, has ended well; 1 or more.
    public var lateAfterMinutes = 60

    public init() {}
}

/// One message about one sync.
public struct Alert: Sendable, Equatable {
    public var kind: AlertKind
    public var sync: String
    /// The run that it is about; nil for `late`.
    public var run: SyncRun?
    /// Since when the sync has been late.
    public var since: Date?
    /// Ids of the receivers that got an earlier alert since the sync was last well; nil: not known.
    public var heardBy: Set<String>?

    public init(
        kind: AlertKind, sync: String, run: SyncRun? = nil, since: Date? = nil, heardBy: Set<String>? = nil
    ) {
        self.kind = kind
        self.sync = sync
        self.run = run
        self.since = since
        self.heardBy = heardBy
    }
}

/// What is kept of a sync's alerts in the warehouse: its condition, and who has got an alert since it was last well.
public struct AlertState: Sendable, Equatable {
    public var condition: AlertCondition
    /// Ids of receivers; nil: not known yet.
    public var heardBy: Set<String>?

    public init(_ condition: AlertCondition, heardBy: Set<String>? = nil) {
        self.condition = condition
        self.heardBy = heardBy
    }

    private static let mark = " heard="

    /// `failed`, or `failed heard=1f2e3d4c,9a8b7c6d`.
    public var text: String {
        condition.text + (heardBy.map { Self.mark + $0.sorted().joined(separator: ",") } ?? "")
    }

    public init?(text: String) {
        let parts = text.components(separatedBy: Self.mark)
        guard let condition = AlertCondition(text: parts[0]) else { return nil }
        self.condition = condition
        if parts.count > 1 { heardBy = Set(parts[1].split(separator: ",").map(String.init)) }
    }

    /// The state after a change of the condition: who has heard of it counts until the sync is well again.
    public func changed(to condition: AlertCondition) -> AlertState {
        AlertState(condition, heardBy: condition == .fine || self.condition == .fine ? nil : heardBy)
    }
}

/// How a sync is doing, as far as alerts go. One message goes out for each change; what was reported last is kept in the
/// warehouse, so that neither a restart nor a second process repeats it.
public enum AlertCondition: Sendable, Equatable {
    case fine
    case failed
    case held(runID: String)
    case failures
    case late

    /// As it is kept.
    public var text: String {
        switch self {
        case .fine: "fine"
        case .failed: "failed"
        case .held(let id): "held \(id)"
        case .failures: "failures"
        case .late: "late"
        }
    }

    public init?(text: String) {
        switch text {
        case "fine": self = .fine
        case "failed": self = .failed
        case "failures": self = .failures
        case "late": self = .late
        default:
            guard text.hasPrefix("held ") else { return nil }
            self = .held(runID: String(text.dropFirst(5)))
        }
    }
}

/// What is known of a sync when its condition is judged.
public struct AlertFacts: Sendable {
    public var sync: String
    public var latestRun: SyncRun?
    public var heldRun: SyncRun?
    /// Start of the latest run that ended well, with failed records or without.
    public var latestGoodStart: Date?
    /// The first tick that has a row; nil without one.
    public var firstTick: Date?
    /// nil: the sync has no schedule, is disabled or paused, and cannot be late.
    public var grid: TickGrid?
    public var now: Date

    public init(sync: String, now: Date) {
        self.sync = sync
        self.now = now
    }

    /// How the sync is doing.
    /// - Parameter previous: what was reported last; a run that was interrupted or cancelled, or is in progress, changes nothing.
    public func condition(after previous: AlertCondition?, _ thresholds: AlertThresholds) -> AlertCondition {
        if let heldRun { return .held(runID: heldRun.id) }
        let isLate = lateSince(thresholds) != nil
        switch latestRun?.status {
        case .failed?: return .failed
        case .succeeded?, .completedWithFailures?:
            let failures = latestRun.map { $0.counts.failed.total + $0.counts.invalid } ?? 0
            if failures > thresholds.failuresOver { return .failures }
        case .running?, .queued?, .interrupted?, .held?:
            if let previous, previous == .failed || previous == .failures { return previous }
        case .cancelled?, .skipped?, nil: break
        }
        return isLate ? .late : .fine
    }

    /// The tick that is still not made good; nil if the sync is in time.
    public func lateSince(_ thresholds: AlertThresholds) -> Date? {
        guard let grid, let firstTick else { return nil }
        let due = grid.latest(notAfter: now.addingTimeInterval(-60 * Double(thresholds.lateAfterMinutes)))
        // The clocks of warehouse and process may differ a little.
        let good = latestGoodStart.map { $0.addingTimeInterval(60) } ?? .distantPast
        return due >= firstTick && good < due ? due : nil
    }

    /// The message that a change asks for; nil where it asks for none.
    public func alert(
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
        }
    }
}
