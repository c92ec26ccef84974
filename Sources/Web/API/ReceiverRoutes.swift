import Foundation
import Hummingbird
import Receivers
import RollcallCore
import Warehouse

/// `/api/v1/receivers`
struct ReceiverRoutes: Sendable {
    /// nil: the process has no receivers.
    let receivers: (any ReceiverReading)?

    /// Rejected bodies that are listed.
    private static let rejects = 20

    var routes: [Route] {
        [
            Route(.get, "/api/v1/receivers", .reader) { request, _ in try await list(request) },
            Route(.get, "/api/v1/receivers/{name}", .reader) { try await one($0, $1) },
        ]
    }

    /// In the configuration's order; the cursor is the last receiver's name.
    private func list(_ request: Request) async throws -> Response {
        let query = try Query(request, known: ["limit", "cursor"])
        let limit = try query.integer("limit", in: Paging.range) ?? Paging.range.upperBound
        let now = Date()
        var found = await receivers?.statuses(since: CountedHours.week(now).start)[...] ?? []
        if let cursor = query["cursor"] {
            guard let last = found.firstIndex(where: { $0.settings.name == cursor }) else { throw Paging.badCursor }
            found = found[(last + 1)...]
        }
        let page = found.prefix(limit)
        return Reply.json(
            APIObject.page(
                page.map { APIObject.receiver($0, now: now) },
                next: found.count > limit ? page.last?.settings.name : nil))
    }

    private func one(_ request: Request, _ context: WebContext) async throws -> Response {
        let query = try Query(request, known: ["event", "limit", "cursor"])
        let limit = try query.integer("limit", in: Paging.range) ?? Paging.size
        let name = try context.part("name")
        var filter = ReceivedFilter(receiver: name, eventName: query["event"], limit: limit + 1)
        if let cursor = query["cursor"] { filter.before = try EventPosition(cursor).before }
        guard let receivers else { throw Problem.unknownReceiver(name, known: []) }
        let now = Date()
        let status = try await receivers.status(of: name, since: CountedHours.week(now).start)
        // What cannot be read is null; the status says why. A warehouse that did not answer is not asked again.
        let isThere = status.summary != nil
        let events = isThere ? try? await receivers.events(filter) : nil
        let rejects = isThere ? try? await receivers.rejectedBodies(receiver: name, limit: Self.rejects) : nil
        let hours = status.summary.map { JSON.array($0.counts.map(APIObject.count)) }
        return Reply.json(
            APIObject.receiver(
                status, now: now,
                also: [
                    ("hours", hours ?? .null), ("received", events.map { Self.page($0, limit) } ?? .null),
                    ("rejects", rejects.map { .array($0.map(APIObject.rejected)) } ?? .null),
                ]))
    }

    private static func page(_ events: [ReceivedEventRow], _ limit: Int) -> JSON {
        let page = events.prefix(limit)
        return APIObject.page(
            page.map(APIObject.received), next: events.count > limit ? page.last.map { EventPosition($0).text } : nil)
    }
}

/// Where a page of received events ends: when the last one arrived, and its id.
struct EventPosition: Sendable {
    /// As the OpenAPI document has it.
    static let pattern = "^-?[0-9]{1,18}-[0-9a-f]{64}$"

    /// Microseconds since 1970, and the id.
    let text: String
    let before: (time: Date, eventID: String)

    init(_ row: ReceivedEventRow) {
        before = (row.event.receivedAt, row.event.eventID)
        // Times of the years 1 to 9999.
        let microseconds = Int64((row.event.receivedAt.timeIntervalSince1970 * 1_000_000).rounded())
        text = "\(microseconds)-\(row.event.eventID)"
    }

    /// - Throws: `bad_parameter` for what is no position.
    init(_ text: String) throws(Problem) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let isID = parts.last.map { $0.utf8.count == 64 && $0.allSatisfy(Self.isDigit) } ?? false
        guard isID, let id = parts.last, let time = Int64(parts.dropLast().joined(separator: "-")),
            abs(time) < 1_000_000_000_000_000_000
        else { throw Paging.badCursor }
        self.text = text
        before = (Date(timeIntervalSince1970: Double(time) / 1_000_000), String(id))
    }

    private static func isDigit(_ character: Character) -> Bool {
        ("0"..."9").contains(character) || ("a"..."f").contains(character)
    }
}
