package import Foundation

/// What an alert is about.
package enum AlertKind: String, Sendable, Codable, CaseIterable {
    /// A run failed.
    case failed
    /// A guard holds a run.
    case held
    /// A run completed with more failed records than ``AlertThresholds/failuresOver``.
    case failures
    /// A scheduled sync has not been brought up to date for too long.
    case late
    /// A receiver that got events earlier has got none for too long.
    case receiverSilent = "receiver_silent"
    /// What a stream has read has waited for its outcome for longer than ``AlertThresholds/behindAfterSeconds``.
    case streamBehind = "stream_behind"
    /// All is well again after one of the others.
    case recovered
}

/// When a number is worth an alert.
package struct AlertThresholds: Sendable, Equatable {
    /// Failed and invalid records of one run, 0 or more.
    package var failuresOver = 0
    /// Minutes that may pass after a tick until a run that began for it, or later, has ended well; 1 or more.
    package var lateAfterMinutes = 60
    /// Minutes that a receiver may get nothing, after it got something once; 1 or more.
    package var silentAfterMinutes = 1440
    /// Seconds that a stream may lag behind its source. One that keeps up lags by seconds; where Iterable does not answer, it pauses
    /// for at most 60 s before it tries again, so that after 300 several tries have failed and the trouble is not a passing one.
    package static let behindAfterSeconds = 300.0

    package init() {}
}

/// What an alert is about, by its name; a sync and a receiver may have the same one.
package enum AlertSubject: Sendable, Hashable {
    case sync(String)
    case receiver(String)

    /// `vip`, `receiver engagement`: how a message begins.
    package var words: String {
        switch self {
        case .sync(let name): name
        case .receiver(let name): "receiver \(name)"
        }
    }
}

/// One message about one sync or one receiver.
package struct Alert: Sendable, Equatable {
    package var kind: AlertKind
    package var subject: AlertSubject
    /// The run that it is about, of a stream its latest one; nil for `late` and for receivers.
    package var run: SyncRun?
    /// Since when the sync has been late, the receiver silent, or the oldest record of a stream without an outcome.
    package var since: Date?
    /// Ids of the webhooks that got an earlier alert since the subject was last well; nil: not known.
    package var heardBy: Set<String>?

    package init(
        kind: AlertKind, subject: AlertSubject, run: SyncRun? = nil, since: Date? = nil, heardBy: Set<String>? = nil
    ) {
        self.kind = kind
        self.subject = subject
        self.run = run
        self.since = since
        self.heardBy = heardBy
    }

    package init(
        kind: AlertKind, sync: String, run: SyncRun? = nil, since: Date? = nil, heardBy: Set<String>? = nil
    ) {
        self.init(kind: kind, subject: .sync(sync), run: run, since: since, heardBy: heardBy)
    }

    /// nil: it is about a receiver.
    package var sync: String? { if case .sync(let name) = subject { name } else { nil } }
    /// nil: it is about a sync.
    package var receiver: String? { if case .receiver(let name) = subject { name } else { nil } }
}

/// What is kept of a subject's alerts in the warehouse: its condition, and who has got an alert since it was last well.
package struct AlertState: Sendable, Equatable {
    package var condition: AlertCondition
    /// Ids of webhooks; nil: not known yet.
    package var heardBy: Set<String>?

    package init(_ condition: AlertCondition, heardBy: Set<String>? = nil) {
        self.condition = condition
        self.heardBy = heardBy
    }

    private static let mark = " heard="

    /// `failed`, or `failed heard=1f2e3d4c,9a8b7c6d`.
    package var text: String {
        condition.text + (heardBy.map { Self.mark + $0.sorted().joined(separator: ",") } ?? "")
    }

    package init?(text: String) {
        let parts = text.components(separatedBy: Self.mark)
        guard let condition = AlertCondition(text: parts[0]) else { return nil }
        self.condition = condition
        if parts.count > 1 { heardBy = Set(parts[1].split(separator: ",").map(String.init)) }
    }

    /// The state after a change of the condition: who has heard of it counts until the subject is well again.
    package func changed(to condition: AlertCondition) -> AlertState {
        AlertState(condition, heardBy: condition == .fine || self.condition == .fine ? nil : heardBy)
    }
}

/// How a sync or a receiver is doing, as far as alerts go. One message goes out for each change; what was reported last is kept in
/// the warehouse, so that neither a restart nor a second process repeats it.
package enum AlertCondition: Sendable, Equatable {
    case fine
    case failed
    case held(runID: String)
    case failures
    case late
    /// Of receivers.
    case silent
    /// Of streams.
    case behind

    /// As it is kept.
    package var text: String {
        switch self {
        case .fine: "fine"
        case .failed: "failed"
        case .held(let id): "held \(id)"
        case .failures: "failures"
        case .late: "late"
        case .silent: "silent"
        case .behind: "behind"
        }
    }

    package init?(text: String) {
        switch text {
        case "fine": self = .fine
        case "failed": self = .failed
        case "failures": self = .failures
        case "late": self = .late
        case "silent": self = .silent
        case "behind": self = .behind
        default:
            guard text.hasPrefix("held ") else { return nil }
            self = .held(runID: String(text.dropFirst(5)))
        }
    }
}
