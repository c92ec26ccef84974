import Foundation
import Hummingbird
import Receivers
import RollcallCore
import Warehouse

/// The pages at `/receivers`.
extension Dashboard {
    private static let pageLength = 50
    /// Rejected bodies that are shown.
    private static let rejects = 10

    var receiverRoutes: [Route] {
        [
            Route(.get, "/receivers", .reader, isPage: true) { _, context in try await receiverList(context) },
            Route(.get, "/receivers/{name}", .reader, isPage: true) { try await receiver($0, $1) },
        ]
    }

    private func receiverList(_ context: WebContext) async throws -> Response {
        let now = Date()
        let statuses = await receivers?.statuses(since: CountedHours.today(now).start) ?? []
        let view = ReceiversView(
            frame: frame("Receivers", context, live: true, isOfReceivers: true),
            cards: statuses.map { ReceiverCard($0, now: now) })
        return try page(view, "receivers")
    }

    private func receiver(_ request: Request, _ context: WebContext) async throws -> Response {
        let now = Date()
        let query = try Query(request, known: ["event", "cursor"])
        let name = try context.part("name")
        guard let receivers else { throw Problem.unknownReceiver(name, known: []) }
        let event = query["event"].flatMap { $0.isEmpty ? nil : $0 }
        var filter = ReceivedFilter(receiver: name, eventName: event, limit: Self.pageLength + 1)
        if let cursor = query["cursor"] { filter.before = try EventPosition(cursor).before }
        let status = try await receivers.status(of: name, since: CountedHours.week(now).start)
        // What cannot be read is left out; the page says why. A warehouse that did not answer is not asked again.
        let isThere = status.summary != nil
        let events = isThere ? (try? await receivers.events(filter)) ?? [] : []
        let rejects =
            isThere ? (try? await receivers.rejectedBodies(receiver: name, limit: Self.rejects)) ?? [] : []
        let shown = events.prefix(Self.pageLength)
        let view = ReceiverView(
            status, events: Array(shown), rejects: rejects, event: event,
            next: events.count > shown.count ? shown.last.map { EventPosition($0).text } : nil,
            frame: frame(
                DisplayText.safe(name, limit: 80), context, live: query["cursor"] == nil, isOfReceivers: true),
            now: now)
        return try page(view, "receiver")
    }
}
