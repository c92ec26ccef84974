import Foundation
import Receivers
import RollcallCore
import Warehouse

struct ReceiversView: PageView {
    var frame: Frame
    var cards: [ReceiverCard]
}

/// A receiver at a glance.
struct ReceiverCard: PageView {
    var name: String
    var link: String
    var badge: BadgeView
    var problem: String?
    var kept: String
    var leftOut: String
    var refused: String
    var latest: TimeView?
    /// Where there is no latest event.
    var latestWords: String
    var spool: String?
    var path: String

    init(_ status: ReceiverStatus, now: Date) {
        let words = ReceiverWords(status)
        let today = status.summary.map { OutcomeTally($0.counts, since: CountedHours.today(now).start) }
        name = words.name
        link = ReceiverWords.link(status.settings.name)
        badge = BadgeView(ReceiverState(status))
        problem = status.problem.map { DisplayText.line($0.message, limit: 90) }
        kept = ReceiverWords.number(today?.kept)
        leftOut = ReceiverWords.number(today?.leftOut)
        refused = ReceiverWords.number(today?.refused)
        latest = status.summary?.latestAt.map { TimeView($0, now: now) }
        latestWords = words.noEvent
        spool = words.spool
        path = words.path
    }
}

/// Words about a receiver that both pages need.
struct ReceiverWords {
    private let status: ReceiverStatus

    init(_ status: ReceiverStatus) { self.status = status }

    var name: String { DisplayText.safe(status.settings.name, limit: 80) }
    var path: String { DisplayText.safe(status.settings.path, limit: 200) }
    var noEvent: String { status.summary == nil ? "–" : "none yet" }

    static func link(_ receiver: String) -> String { "/receivers/\(receiver.percentEncoded)" }

    static func number(_ count: Int?) -> String { count.map(DisplayText.grouped) ?? "–" }

    /// What waits on disk; nil: nothing does.
    var spool: String? {
        guard status.spooledBytes > 0 else { return nil }
        // Of a damaged file not all bodies can be counted.
        let bodies = status.spooledBodies > 0 ? DisplayText.count(status.spooledBodies, "body", "bodies") + ", " : ""
        let warehouse = DisplayText.safe(status.settings.warehouse, limit: 80)
        return "\(bodies)\(Self.size(status.spooledBytes)) for the warehouse \(warehouse), of all its receivers"
    }

    /// `900 B`, `3.4 kB`, `120 MB`, `1.2 GB`
    static func size(_ bytes: Int64) -> String {
        let units = ["B", "kB", "MB", "GB", "TB"]
        var (size, unit) = (Double(max(0, bytes)), 0)
        while size >= 999.5, unit < units.count - 1 { (size, unit) = (size / 1000, unit + 1) }
        let isWhole = unit == 0 || size >= 9.95
        return "\(isWhole ? "\(Int(size.rounded()))" : "\((size * 10).rounded() / 10)") \(units[unit])"
    }

    /// Which events are kept, and for how long.
    var keeps: String {
        let settings = status.settings
        var names: String
        switch settings.events {
        case .all: names = "all events"
        case .named(let known, let unknown):
            let all = known.sorted().map { DisplayText.safe($0, limit: 60) } + (unknown ? ["unknown ones"] : [])
            names = all.prefix(8).joined(separator: ", ") + (all.count > 8 ? " and \(all.count - 8) more" : "")
        }
        if settings.requiresUserID { names += " with a userId" }
        return "\(names), for \(DisplayText.count(settings.retentionDays, "day"))"
    }

    /// How many of the newest events have a userId; nil: there are none.
    var withUserID: String? {
        guard let summary = status.summary, summary.newest > 0 else { return nil }
        return "\(DisplayText.grouped(summary.newestWithUserID)) of the newest \(DisplayText.grouped(summary.newest))"
    }
}

extension BadgeView {
    init(_ state: ReceiverState) {
        switch state {
        case .unreachable: self.init("warehouse unreachable", .bad)
        case .spooling: self.init("waiting on disk", .warn)
        case .silent: self.init(state.rawValue, .warn)
        case .new: self.init("nothing yet", .calm)
        case .receiving: self.init(state.rawValue, .good)
        }
    }
}

struct ReceiverView: PageView {
    struct OutcomeRow: PageView {
        var words: String
        var day: String
        var week: String
    }

    var frame: Frame
    var name: String
    var link: String
    var badge: BadgeView
    var findings: [ReceiverFinding]
    /// nil: events have come.
    var setup: ReceiverSetupView?
    var today: String
    var latest: TimeView?
    /// Where there is no latest event.
    var latestWords: String
    var withUserID: String?
    var spool: String?
    var path: String
    var warehouse: String
    var destination: String?
    var keeps: String
    var identifiers: String
    var charts: [ChartView]
    var hasCharts: Bool
    var outcomes: [OutcomeRow]
    /// The name that events are asked for; empty: all are.
    var event: String
    /// Names to choose from.
    var names = KnownEvents.names
    var events: [ReceivedRow]
    var hasEvents: Bool
    /// Where there are no events.
    var noEvents: String
    /// Link to the events before these.
    var next: String?
    var rejects: [RejectRow]
    var hasRejects: Bool

    /// - Parameters:
    ///   - event: the name that events were asked for.
    ///   - next: cursor of the page after this.
    init(
        _ status: ReceiverStatus, events: [ReceivedEventRow], rejects: [RejectedBody], event: String?, next: String?,
        frame: Frame, now: Date
    ) {
        let words = ReceiverWords(status)
        let counts = status.summary?.counts ?? []
        let (day, week) = (CountedHours.day(now), CountedHours.week(now))
        let (inDay, inWeek) = (OutcomeTally(counts, since: day.start), OutcomeTally(counts, since: week.start))
        let link = ReceiverWords.link(status.settings.name)
        self.frame = frame
        self.link = link
        name = words.name
        badge = BadgeView(ReceiverState(status))
        findings = ReceiverFinding.all(status, inDay)
        setup = ReceiverState(status) == .new ? ReceiverSetupView(status.settings) : nil
        let today = status.summary.map { OutcomeTally($0.counts, since: CountedHours.today(now).start).kept }
        self.today = ReceiverWords.number(today)
        latest = status.summary?.latestAt.map { TimeView($0, now: now) }
        latestWords = words.noEvent
        withUserID = words.withUserID
        spool = words.spool
        path = words.path
        warehouse = DisplayText.safe(status.settings.warehouse, limit: 80)
        destination = status.settings.destination.map { DisplayText.safe($0, limit: 80) }
        keeps = words.keeps
        identifiers = status.settings.identifiers.rawValue
        charts = inWeek.total == 0 ? [] : [OutcomeChart.day(counts, day), OutcomeChart.week(counts, week)]
        hasCharts = !charts.isEmpty
        outcomes = ReceiverOutcome.allCases.filter { inWeek[$0] > 0 }.map {
            OutcomeRow(words: $0.words, day: DisplayText.grouped(inDay[$0]), week: DisplayText.grouped(inWeek[$0]))
        }
        self.event = event ?? ""
        self.events = events.map { ReceivedRow($0, now: now) }
        hasEvents = !events.isEmpty
        noEvents = status.summary == nil ? "Not known while the warehouse is away." : "None."
        let wanted = event.map { "event=\($0.percentEncoded)&" } ?? ""
        self.next = next.map { "\(link)?\(wanted)cursor=\($0)" }
        self.rejects = rejects.map { RejectRow($0, now: now) }
        hasRejects = !rejects.isEmpty
    }
}

/// An event that came.
struct ReceivedRow: PageView {
    var when: TimeView
    var name: String
    /// A text, never an address to follow: anyone who may post chooses it.
    var url: String?
    var who: String
    var campaign: String
    /// How often it came; empty: once.
    var came: String

    init(_ row: ReceivedEventRow, now: Date) {
        let event = row.event
        when = TimeView(event.receivedAt, now: now)
        name = event.eventName.map { DisplayText.safe($0, limit: 80) } ?? "(no name)"
        url = event.url.map { DisplayText.safe($0, limit: 120) }
        let parts = [event.email, event.userID].compactMap(\.self).map { DisplayText.safe($0, limit: 120) }
        who = parts.isEmpty ? "–" : parts.joined(separator: " · ")
        campaign = event.campaignID.map(String.init) ?? ""
        came = row.deliveries > 1 ? DisplayText.count(row.deliveries, "time") : ""
    }
}

/// A body that was no JSON object.
struct RejectRow: PageView {
    var when: TimeView
    var reason: String
    var body: String

    init(_ body: RejectedBody, now: Date) {
        when = TimeView(body.receivedAt, now: now)
        reason = DisplayText.safe(body.reason.replacing("_", with: " "), limit: 80)
        self.body = DisplayText.safe(body.body, limit: 200)
    }
}
