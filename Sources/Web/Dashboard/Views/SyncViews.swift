import Foundation
import RollcallCore
import SyncEngine
import Warehouse

struct OverviewView: PageView {
    var frame: Frame
    var problems: [ProblemView]
    var cards: [SyncCard]
}

/// Something that keeps syncs from running.
struct ProblemView: PageView {
    var subject: String
    var message: String
    var hint: ProseView?

    init(_ problem: ServiceProblem) {
        let (kind, name) = ProblemReport.words(problem.subject)
        subject = name.map { "\(kind) \(DisplayText.safe($0, limit: 60)):" } ?? "\(kind):"
        message = DisplayText.line(problem.error.message, limit: 500)
        hint = problem.error.hint.map { ProseView($0, limit: 500) }
    }
}

/// A sync at a glance.
struct SyncCard: PageView {
    struct Last: PageView {
        var link: String
        var status: String
        var when: TimeView
    }

    var name: String
    var link: String
    var badge: BadgeView
    var members: String
    /// What the members are called.
    var entries: String
    var target: String
    var targetName: String
    var hasTarget: Bool
    var sizeName: String
    /// Where its rows are read, and where its state is if that is elsewhere.
    var warehouse: String
    var last: Last?
    /// Where there is no last run.
    var noLast: String
    var next: TimeView?
    /// Where there is no next run.
    var nextWords: String
    var lateness: String
    /// What its stream does; nil: it is not streamed.
    var stream: String?
    var isBehind: Bool
    var problem: String?
    /// Link to the held run.
    var held: String?
    var live: LiveView?
    var spark: String?

    init(_ status: SyncStatus, runs: [SyncRun], now: Date) {
        let words = SyncWords(status)
        name = words.name
        link = words.link
        badge = BadgeView(SyncState(status), latest: status.latestRun?.status)
        members = words.members
        entries = words.kind.entries
        target = words.target
        targetName = words.kind.target
        hasTarget = words.hasTarget
        sizeName = words.kind.size
        warehouse = words.stateWarehouse.map { "\(words.warehouse), state in \($0)" } ?? words.warehouse
        noLast = status.problem == nil ? "never" : "–"
        last = status.latestRun.map { run in
            Last(
                link: "/runs/\(run.id)", status: run.status.rawValue.replacing("_", with: " "),
                when: TimeView(run.startedAt, now: now))
        }
        next = status.nextDue.map { TimeView($0, now: now) }
        nextWords = words.noNextRun
        lateness = words.lateness
        // Names of syncs and warehouses, which say where the state is, are long.
        problem = status.problem.map { DisplayText.line($0.message, limit: status.isMissingState ? 300 : 90) }
        held = status.heldRun.map { "/runs/\($0.id)" }
        let streamWords = StreamWords(status)
        stream = streamWords?.glance
        isBehind = streamWords?.isBehind ?? false
        live = status.isStreaming ? nil : status.live.map(LiveView.init)
        spark = status.isMissingState ? nil : ChartMaker(runs).spark
    }
}

/// Words about a sync that several pages need.
struct SyncWords {
    private let status: SyncStatus

    init(_ status: SyncStatus) { self.status = status }

    var name: String { DisplayText.safe(status.settings.name, limit: 80) }

    var link: String { Self.link(status.settings.name) }

    static func link(_ sync: String) -> String { "/syncs/\(sync.percentEncoded)" }

    var members: String { status.members.map(DisplayText.grouped) ?? "–" }

    var kind: KindWords { status.settings.kind.words }

    /// The list or catalog.
    var target: String {
        let id = status.listID.map(String.init)
        switch status.settings.target {
        case .users: return "profiles"
        case .events(let events):
            switch events.name {
            case .constant(let name): return DisplayText.safe(name, limit: 60)
            case .column(let column): return "named by \(DisplayText.safe(column, limit: 60))"
            }
        case .catalog(let catalog): return catalog.name
        case .list(.id(let configured)): return id ?? "\(configured)"
        case .list(.name(let name, _)):
            let shown = DisplayText.safe(name, limit: 60)
            // Whether it was made is not known where the state cannot be seen.
            return id.map { "\(shown) (\($0))" } ?? (status.problem == nil ? "\(shown) (not made yet)" : shown)
        }
    }

    /// Profiles of users are no target with a name.
    var hasTarget: Bool { status.settings.kind != .users }

    var schedule: String {
        guard let schedule = status.settings.schedule else { return "on demand" }
        return "every \(schedule.every.rawValue), counted from \(schedule.timeOfDay)"
    }

    var noNextRun: String {
        switch SyncState(status) {
        case .disabled: "disabled"
        case .paused: "paused"
        default: status.isPaused ? "paused" : status.settings.schedule == nil ? "on demand" : "–"
        }
    }

    var lateness: String { status.latestTick?.latenessSeconds.map(DisplayText.duration) ?? "–" }

    var warehouse: String { DisplayText.safe(status.settings.warehouse, limit: 80) }

    /// nil: as ``warehouse``.
    var stateWarehouse: String? { status.stateWarehouse.map { DisplayText.safe($0, limit: 80) } }

    var source: String {
        let from =
            switch status.settings.audience {
            case .table(let parts): parts.joined(separator: ".")
            case .query(_, let file): file ?? "a query"
            }
        return DisplayText.safe("\(status.settings.warehouse): \(from)", limit: 120)
    }
}

struct SyncView: PageView {
    var frame: Frame
    var name: String
    var link: String
    var badge: BadgeView
    var members: String
    /// What the members are called, as a heading.
    var entries: String
    var target: String
    var hasTarget: Bool
    var words: WordsView
    var isList: Bool
    var schedule: String
    /// How its stream looks for new rows; nil: it is not streamed.
    var streamLooks: String?
    var source: String
    /// The warehouse with its state; nil: that of its rows.
    var stateWarehouse: String?
    var next: TimeView?
    var nextWords: String
    var lateness: String
    var problem: String?
    /// How to fix the problem.
    var hint: ProseView?
    var held: String?
    /// Link to the run in progress, but for one of the stream.
    var running: String?
    var live: LiveView?
    /// Of syncs that are streamed.
    var stream: StreamView?
    /// Of syncs of events.
    var events: EventsView?
    /// Whether a person or record may be looked up: not where the state is in another warehouse.
    var canAskWhy: Bool
    var canRun: Bool
    /// Whether everything may be sent again.
    var canSendAll: Bool
    var canPause: Bool
    var canResume: Bool
    var charts: [ChartView]
    var hasCharts: Bool
    var runs: [RunRow]
    var hasRuns: Bool
    /// Where there are none.
    var noRuns: String
    var older: String?
    var ticks: [TickRow]
    var hasTicks: Bool

    /// - Parameters:
    ///   - history: newest first, for the charts.
    ///   - page: newest first, for the table.
    init(
        _ status: SyncStatus, history: [SyncRun], page: [SyncRun], older: String?, ticks: [Tick],
        events: EventsView? = nil, frame: Frame, now: Date
    ) {
        let words = SyncWords(status)
        self.frame = frame
        name = words.name
        link = words.link
        badge = BadgeView(SyncState(status), latest: status.latestRun?.status)
        members = words.members
        entries = words.kind.entries.capitalized
        target = words.target
        hasTarget = words.hasTarget
        self.words = WordsView(status.settings.kind)
        isList = status.settings.kind == .list
        schedule = words.schedule
        streamLooks = StreamWords(status)?.looks
        source = words.source
        stateWarehouse = words.stateWarehouse
        next = status.nextDue.map { TimeView($0, now: now) }
        nextWords = words.noNextRun
        lateness = words.lateness
        problem = status.problem.map { DisplayText.line($0.message, limit: 500) }
        hint = status.problem?.hint.map { ProseView($0, limit: 500) }
        held = status.heldRun.map { "/runs/\($0.id)" }
        let isShown = status.isRunning && !status.isStreaming
        running = isShown ? (status.live?.runID ?? status.latestRun?.id).map { "/runs/\($0)" } : nil
        live = isShown ? status.live.map(LiveView.init) : nil
        stream = StreamView(status, now: now)
        self.events = events
        let isStreamed = status.settings.stream != nil
        let isFree = !isStreamed || status.isPaused || !status.settings.enabled
        canRun = isFree && !status.isRunning && status.heldRun == nil && status.problem == nil
        canAskWhy = !status.isMissingState
        canSendAll = status.settings.kind != .events
        canPause = (status.settings.schedule != nil || isStreamed) && !status.isPaused
        canResume = status.isPaused
        charts = ChartMaker(history).charts
        hasCharts = !charts.isEmpty
        runs = page.map { RunRow($0, now: now) }
        hasRuns = !page.isEmpty
        noRuns = status.problem == nil ? "None yet." : "They cannot be shown: see above."
        self.older = older
        self.ticks = ticks.map { TickRow($0, now: now) }
        hasTicks = !ticks.isEmpty
    }
}

struct RunRow: PageView {
    var link: String
    var when: TimeView
    var badge: BadgeView
    var people: String
    var entered: String
    var left: String
    var failed: String
    var took: String
    var trigger: String

    init(_ run: SyncRun, now: Date) {
        link = "/runs/\(run.id)"
        when = TimeView(run.startedAt, now: now)
        badge = BadgeView(run.status)
        people = DisplayText.grouped(run.counts.audience)
        entered = DisplayText.grouped(run.counts.succeeded.total(.put))
        left = DisplayText.grouped(run.counts.succeeded.total(.remove))
        failed = DisplayText.grouped(run.counts.invalid + run.counts.failed.total)
        took = run.finishedAt.map { DisplayText.duration($0.timeIntervalSince(run.startedAt)) } ?? "–"
        trigger = run.trigger.rawValue
    }
}

struct TickRow: PageView {
    var due: TimeView
    var badge: BadgeView
    var lateness: String
    var link: String?

    init(_ tick: Tick, now: Date) {
        due = TimeView(tick.dueAt, now: now)
        badge = BadgeView(tick.outcome)
        lateness = tick.latenessSeconds.map(DisplayText.duration) ?? "–"
        let hasRun = tick.outcome == .ran || tick.outcome == .skippedHeld
        link = hasRun ? tick.runID.map { "/runs/\($0)" } : nil
    }
}
