package import Foundation
package import RollcallCore
package import Warehouse

extension WhyReport.Row {
    /// What a row says of an event.
    package struct Event: Sendable, Equatable {
        /// As it is sent; nil: the row has none that can be.
        package var id: String?
        package var name: String?
        /// Whether the row is left out because of its name (`event.names`).
        package var isExcluded = false
        /// Where the row lies, by the cursor.
        var position: Int64?
    }
}

extension WhyReport {
    /// Whether the sync of users that events wait for has had a person acknowledged.
    package struct Acknowledgement: Sendable, Equatable {
        package var person: Identity
        /// The sync of users.
        package var sync: String
        package var isAcknowledged: Bool
    }

    /// When an event that waits for its person is given up; nil: it does not wait.
    package func waitsUntil(_ event: StoredEvent) -> Date? {
        guard event.state == .waiting, let firstSeen = event.event?.firstSeen else { return nil }
        return firstSeen.addingTimeInterval(Double(waitForUserSeconds))
    }
}

/// Gathers what is known of one event, or of the events of one person.
struct EventStory {
    private let pipeline: SyncPipeline
    private let found: FoundEvents
    private let identifier: String
    /// Its normal form; nil: it is no address.
    private let email: String?

    private var warehouse: any Warehouse { pipeline.warehouse }
    private var sync: String { pipeline.sync.name }
    private var settings: EventSettings { found.resolver.settings }

    /// Rows, events, people and changes that are gathered, at most.
    static let most = 20

    init(_ pipeline: SyncPipeline, _ found: FoundEvents, _ identifier: String) {
        self.pipeline = pipeline
        self.found = found
        self.identifier = identifier
        email = IdentifierNormalizer.normalizedEmail(identifier)
    }

    func report(
        _ plan: Plan, _ planned: EventChanges, _ refusal: RunError?, logLimit: Int
    ) async throws -> WhyReport {
        var report = WhyReport(
            kind: .events, identity: Identity(email: email, userID: identifier),
            rows: try await found.resolver.planner.rows(of: identifier, email, found.shape), members: [])
        report.waitForUserSeconds = settings.waitForUserSeconds
        report.events = try await stored(report.rows.compactMap(\.recordKey))
        try await keepIDs(in: &report)
        try addRefusals(plan, planned.logIdentity, to: &report.rows)
        if refusal == nil { report.changes = try changes(planned, report) }
        report.acknowledgements = try await acknowledgements(report)
        report.unread = try await unread(report.rows)
        report.records = try await logged(report, planned.logIdentity, limit: logLimit)
        (report.held, report.refusal) = (plan.held, refusal)
        return report
    }

    // MARK: What is known

    /// The events with this key, id or person, as far as the sync has kept that, and those with the keys of rows.
    private func stored(_ keys: [String]) async throws -> [StoredEvent] {
        guard let secret = try await warehouse.fingerprintKey(sync: sync, newKey: nil) else { return [] }
        let fingerprinter = Fingerprinter(key: secret)
        func hash(_ key: String) -> Fingerprint {
            Array(key.utf8).withUnsafeBytes { fingerprinter.fingerprint(record: $0) }
        }
        var found: [Fingerprint: StoredEvent] = [:]
        for name in Set([identifier, email ?? identifier]) {
            for event in try await warehouse.events(sync: sync, knownAs: name, key: hash(name), limit: Self.most) {
                found[event.key] = event
            }
        }
        for key in keys where found[hash(key)] == nil {
            // Others may be known by the same text.
            let known = try await warehouse.events(sync: sync, knownAs: key, key: hash(key), limit: 100)
            found[hash(key)] = known.first { $0.key == hash(key) }
        }
        return found.values.sorted { ($0.at, $0.key) > ($1.at, $1.key) }
    }

    /// An event that was sent keeps its id, whatever its key gives now.
    private func keepIDs(in report: inout WhyReport) async throws {
        guard settings.id == .derived, let secret = try await warehouse.fingerprintKey(sync: sync, newKey: nil) else {
            return
        }
        let fingerprinter = Fingerprinter(key: secret)
        for index in report.rows.indices where report.rows[index].event?.id != nil {
            guard let key = report.rows[index].recordKey else { continue }
            let hash = Array(key.utf8).withUnsafeBytes { fingerprinter.fingerprint(record: $0) }
            guard let id = report.events.first(where: { $0.key == hash })?.id else { continue }
            report.rows[index].event?.id = id
        }
    }

    private func acknowledgements(_ report: WhyReport) async throws -> [WhyReport.Acknowledgement] {
        guard let users = settings.after else { return [] }
        let named = report.rows.compactMap(\.person) + report.events.filter(\.state.isUnfinished).map(\.identity)
        var people: [Identity] = []
        for person in named where !people.contains(person) && people.count < Self.most { people.append(person) }
        let areKnown = try await warehouse.areAcknowledged(sync: users, people, before: try await warehouse.now())
        return zip(people, areKnown).map { .init(person: $0, sync: users, isAcknowledged: $1) }
    }

    // MARK: What the plan says

    /// What the plan found wrong with rows that are right by themselves: another one has the same key, or the same id.
    private func addRefusals(_ plan: Plan, _ logIdentity: LogIdentity, to rows: inout [WhyReport.Row]) throws {
        let shown = rows.map { row in row.recordKey.flatMap { logIdentity.unambiguous(key: $0) } }
        try plan.forEachInvalidRow(limit: rows.contains(where: \.isValid) ? nil : 0) { record in
            guard let key = record.recordKey.map({ String(decoding: $0, as: UTF8.self) }) else { return }
            // That of a row beside them, which is wrong by itself.
            if rows.indices.contains(where: { shown[$0] == key && rows[$0].failure == record.reason }) { return }
            for index in rows.indices where shown[index] == key && rows[index].isValid {
                rows[index].failure = record.reason
            }
        }
    }

    /// What the next run does, also where it sends nothing.
    private func changes(_ planned: EventChanges, _ report: WhyReport) throws -> [Change] {
        let keys = Set(
            [identifier] + report.rows.compactMap(\.recordKey) + report.events.compactMap(\.recordKey))
        let reader = try planned.makeReader(isOrdered: false)
        var changes: [Change] = []
        while changes.count < Self.most {
            let page = try reader.nextChanges(limit: 1000)
            if page.isEmpty { break }
            changes += page.filter { isMeant($0, keys) }
        }
        return Array(changes.prefix(Self.most))
    }

    private func isMeant(_ change: Change, _ keys: Set<String>) -> Bool {
        if let key = change.record?.key, keys.contains(key) { return true }
        if change.event?.id == identifier || change.identity.userID == identifier { return true }
        return email != nil && change.identity.email == email
    }

    /// Why a run does not look at the first row that could be sent.
    private func unread(_ rows: [WhyReport.Row]) async throws -> String? {
        guard let row = rows.first(where: \.isValid)?.event else { return nil }
        guard let before = try await warehouse.eventCursor(sync: sync) else {
            return "it is there before the first run (start); --backfill sends it"
        }
        guard let cursor = settings.cursor, let position = row.position, let isTime = found.shape.events?.isTime else {
            return nil
        }
        let window = EventWindow(cursor, isTime: isTime, before: before, now: try await warehouse.now())
        if window.contains(position) { return nil }
        if let kept = before.keepFrom, position < kept {
            return "its row lies before everything that runs still read: it was sent long ago, or was there before the"
                + " first run; --backfill sends it, under the same id"
        }
        let sweep = before.lastSweepAt.map { $0.addingTimeInterval(Double(cursor.sweepSeconds)).iso8601 }
        return "its row became visible late, and is read by the next sweep" + (sweep.map { ", from \($0) on" } ?? "")
    }

    // MARK: The log

    private func logged(_ report: WhyReport, _ identity: LogIdentity, limit: Int) async throws -> [LogRecord] {
        let ids = Set([identifier] + report.rows.compactMap(\.event?.id) + report.events.compactMap(\.id))
        let keys = [identifier] + report.rows.compactMap(\.recordKey) + report.events.compactMap(\.recordKey)
        let people = [identifier, email ?? identifier]
        func shown(_ names: [String]) -> Set<String> { Set(names.flatMap { [$0, identity.of($0)] }) }
        let (shownKeys, shownPeople) = (shown(keys), shown(people))
        let found = try await pipeline.records(
            ids.union(keys).union(people).sorted(), identity, limit: limit)
        // The key of one event may be the userId of another person.
        return found.filter { record in
            record.eventID.map(ids.contains) == true || record.recordKey.map(shownKeys.contains) == true
                || [record.email, record.userID].contains { $0.map(shownPeople.contains) == true }
        }
    }
}
