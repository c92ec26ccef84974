import Foundation
import RollcallCore
import SyncEngine
import Warehouse

/// What the stream of a sync does, in words.
struct StreamWords {
    private let status: SyncStatus
    private let settings: StreamSettings
    private let state: StreamStatus?

    /// nil: the sync is not streamed.
    init?(_ status: SyncStatus) {
        guard let settings = status.settings.stream else { return nil }
        self.status = status
        self.settings = settings
        state = status.stream
    }

    /// `following, lag 0.4 s, 12 records/s`
    var glance: String {
        switch state?.phase {
        case .following?, .sending?: "\(phase), lag \(lag), \(rate)"
        case .failing(let problem)?: "\(phase), tries again at \(Self.second(problem.triesAgainAt))"
        default: phase
        }
    }

    /// What it does, in a word or some.
    var phase: String {
        switch state?.phase {
        case .following?: "following"
        case .sending?: "sending"
        case .held?: "held"
        case .failing?: "failing"
        case .elsewhere?: status.live == nil ? "in another process" : "waits for a run by hand"
        case .paused?, .starting?, nil:
            !status.settings.enabled ? "disabled" : isPaused ? "paused" : "starting"
        }
    }

    /// The same in a sentence.
    var sentence: String {
        switch state?.phase {
        case .following?: "It follows the source; everything that was read has its outcome."
        case .sending?: "It sends what was read. Nothing further is read until all of that has its outcome."
        case .held?: "A guard holds a run. The stream goes on when the run is approved or discarded."
        case .failing?: "It has ended with an error, and begins again by itself."
        case .elsewhere?:
            status.live == nil
                ? "Another process has the sync. This one asks for it every few seconds."
                : "A run by hand is in progress. The stream goes on after it."
        case .paused?, .starting?, nil:
            !status.settings.enabled
                ? "The sync is disabled in the configuration."
                : isPaused ? "It is paused, and goes on when it is resumed." : "It has not looked at the source yet."
        }
    }

    var badge: BadgeView {
        switch state?.phase {
        case .following?: BadgeView(phase, .good)
        case .sending?: BadgeView(phase, .run)
        case .held?: BadgeView(phase, .warn)
        case .failing?: BadgeView(phase, .bad)
        case .elsewhere?, .paused?, .starting?, nil: BadgeView(phase, .calm)
        }
    }

    /// What alerts call behind.
    var isBehind: Bool { hasNumbers && (state?.lagSeconds ?? 0) > AlertThresholds.behindAfterSeconds }

    /// Whether this process has measured something that still holds.
    var hasNumbers: Bool {
        switch state?.phase {
        case .following?, .sending?, .failing?: true
        case .held?, .elsewhere?, .paused?, .starting?, nil: false
        }
    }

    var lag: String { DisplayText.duration(state?.lagSeconds ?? 0) }

    var backlog: String { DisplayText.count(state?.backlog ?? 0, "record") }

    var rate: String { "\(Self.perSecond(state?.recordsPerSecond ?? 0)) records/s" }

    /// How it looks for new rows.
    var looks: String {
        let every = "every \(DisplayText.duration(settings.pollSeconds))"
        guard let channel else { return every }
        let after = settings.lingerSeconds > 0 ? "\(DisplayText.duration(settings.lingerSeconds)) after" : "at once on"
        return "\(every), and \(after) a notification of \(channel)"
    }

    /// Whether notifications come.
    var notifications: String {
        guard let channel else { return "not used" }
        switch state?.wakes {
        case .listening?: return "come over \(channel)"
        case .unavailable(let why)?: return "do not come over \(channel): \(DisplayText.line(why, limit: 300))"
        case .none?, nil: return "not tried yet"
        }
    }

    private var channel: String? { settings.wake.map { DisplayText.safe($0, limit: 63) } }

    /// A stream notices only some seconds after a pause began, or ended.
    private var isPaused: Bool { state?.phase == .paused || status.isPaused }

    /// `0`, `0.4`, `12`, `1,200`
    static func perSecond(_ rate: Double) -> String {
        guard rate.isFinite, rate > 0 else { return "0" }
        let tenths = (rate * 10).rounded()
        return rate >= 10 || tenths.truncatingRemainder(dividingBy: 10) == 0
            ? DisplayText.grouped(Int(min(rate.rounded(), 1e9))) : "\(tenths / 10)"
    }

    /// `14:05:03`
    private static func second(_ time: Date) -> String { String(time.iso8601.dropFirst(11).prefix(8)) }
}

/// The panel of a sync that is streamed.
struct StreamView: PageView {
    struct Problem: PageView {
        var code: String
        var message: String
        var again: TimeView
    }
    struct Numbers: PageView {
        var lag: String
        var backlog: String
        var rate: String
    }

    var badge: BadgeView
    var sentence: String
    var isBehind: Bool
    /// Why it has ended.
    var problem: Problem?
    /// Links to the run that is held, and to the run of this hour.
    var heldRun: String?
    var run: String?
    /// nil: this process has measured nothing that still holds.
    var numbers: Numbers?
    var notifications: String
    var looked: TimeView?
    var charts: [ChartView]
    var hasCharts: Bool

    /// nil: the sync is not streamed.
    init?(_ status: SyncStatus, now: Date) {
        guard let words = StreamWords(status) else { return nil }
        badge = words.badge
        sentence = words.sentence
        isBehind = words.isBehind
        problem = status.streamProblem.map { problem in
            Problem(
                code: DisplayText.safe(problem.code, limit: 60), message: DisplayText.line(problem.message, limit: 500),
                again: TimeView(problem.triesAgainAt, now: now))
        }
        heldRun = status.stream?.phase.heldRunID.map { "/runs/\($0)" }
        run = status.isStreaming ? (status.live?.runID ?? status.latestRun?.id).map { "/runs/\($0)" } : nil
        numbers = words.hasNumbers ? Numbers(lag: words.lag, backlog: words.backlog, rate: words.rate) : nil
        notifications = words.notifications
        looked = status.stream?.latestReadAt.map { TimeView($0, now: now) }
        charts = StreamCharts(status.stream?.samples ?? [], now: now).charts
        hasCharts = !charts.isEmpty
    }
}
