import Foundation
import RollcallCore

extension ReceiverService {
    /// Seconds after which a sender may try again what there was no room for, and what a warehouse that is away was needed for.
    private static let shortPause = 5
    private static let longPause = 30

    // MARK: The head

    /// Looks at a request before any byte of its body is read.
    package func admit(_ head: ReceiverHead) -> Admission {
        if head.path == "/healthz" { return .answer(Self.health(head.method)) }
        guard let (desk, listen) = desk(at: head.path) else {
            return .answer(.refused(404, "not_found", "There is nothing at this path."))
        }
        guard head.method == "POST" else {
            return .answer(
                .refused(405, "method_not_allowed", "Only POST is answered here.", headers: ["Allow": "POST"]))
        }
        if let refusal = refusal(head, desk, listen) {
            desk.lane.count(desk.settings.name, .unauthorized)
            return .answer(refusal)
        }
        let ticket = ReceiverTicket(
            settings: desk.settings, lane: desk.lane, longestBody: listen.maxBody,
            isTest: head.values("rollcall-test") == ["1"])
        if let length = head.values("content-length").first.flatMap({ Int($0) }), length > listen.maxBody {
            return .answer(refuse(.tooLarge, ticket))
        }
        if isStopping || !ticket.isTest && !desk.lane.hasRoom {
            return .answer(unavailable(ticket, closes: true))
        }
        return .take(ticket)
    }

    private static func health(_ method: String) -> ReceiverAnswer {
        guard method == "GET" || method == "HEAD" else {
            return .refused(
                405, "method_not_allowed", "Only GET is answered here.", headers: ["Allow": "GET, HEAD"])
        }
        return ReceiverAnswer(status: 200, body: method == "GET" ? JSON.object(["status": .string("ok")]).text : "")
    }

    /// Why a request is not believed; nil: it is.
    private func refusal(
        _ head: ReceiverHead, _ desk: Desk, _ listen: ReceiverListenSettings
    ) -> ReceiverAnswer? {
        if !desk.settings.allowFrom.isEmpty {
            let client = ClientAddress.of(
                peer: head.peer, forwarded: head.values("x-forwarded-for"), trusted: listen.trustedProxies)
            guard let client, desk.settings.allowFrom.contains(where: { $0.contains(client) }) else {
                // How to let it in is for the log: who asked may be anyone.
                refusedAddresses.add(desk.settings.name) {
                    .addressRefused(receiver: desk.settings.name, address: client, count: $0)
                }
                return .refused(403, "address_not_allowed", "Requests from this address are not taken.")
            }
        }
        if desk.credentials.isEmpty {
            guard !listen.isLoopback || !UnprotectedReceiver.accepts(head.headers) else { return nil }
            return .refused(
                401, "unauthorized", "This receiver has no token, so it takes requests of its own machine only.",
                hint: "Configure auth for it, and the same token in Iterable.")
        }
        if desk.credentials.accepts(head.headers) { return nil }
        return .refused(
            401, "unauthorized", "The request has no token, or not the right one.",
            hint: "Enter the receiver's token in Iterable, as the webhook's authentication.",
            headers: ["WWW-Authenticate": "Basic realm=\"rollcall\""])
    }

    // MARK: The body

    /// Why a body could not be read whole.
    package enum BodyFault: Sendable {
        /// More bytes than ``ReceiverTicket/maxBody``.
        case tooLarge
        /// It did not come in time.
        case tooSlow
        /// The connection ended within it.
        case cutOff
    }

    /// The answer to a request whose body was not read whole.
    package func refuse(_ fault: BodyFault, _ ticket: ReceiverTicket) -> ReceiverAnswer {
        switch fault {
        case .tooLarge:
            ticket.lane.count(ticket.receiver, ticket.isTest ? .test : .tooLarge)
            return .refused(
                413, "too_large", "The body has more than \(DisplayText.grouped(ticket.longestBody)) bytes.",
                hint: "Raise server.max_body, where such events are to be kept.")
        case .tooSlow: return .refused(408, "too_slow", "The body did not come in time.")
        case .cutOff: return .refused(400, "cut_off", "The body ended before its length.")
        }
    }

    /// Takes a body; returns when what the answer says holds.
    package func take(_ body: [UInt8], _ ticket: ReceiverTicket) async -> ReceiverAnswer {
        guard body.count <= ticket.longestBody else { return refuse(.tooLarge, ticket) }
        if ticket.isTest { return test(body, ticket) }
        guard ticket.lane.inbox.reserve(body.count) else { return unavailable(ticket) }
        defer { ticket.lane.inbox.release(body.count) }
        do throws(BodyProblem) {
            if let outcome = try ticket.settings.omission(of: body) {
                ticket.lane.count(ticket.receiver, outcome)
                return .done
            }
            let read = try ReceivedBody(body)
            guard let item = await item(read, body, ticket), await keep(item, body.count, ticket) else {
                return unavailable(ticket)
            }
            return .done
        } catch {
            await reject(body, error, ticket)
            return Self.rejected(error)
        }
    }

    private func keep(_ item: ReceivedItem, _ bytes: Int, _ ticket: ReceiverTicket) async -> Bool {
        await ticket.lane.inbox.keep(item, bytes: bytes, arrivedAt: clock.uptime)
    }

    /// What is to be kept; nil: the key that is needed for it was never read.
    private func item(_ read: ReceivedBody, _ body: [UInt8], _ ticket: ReceiverTicket) async -> ReceivedItem? {
        let settings = ticket.settings
        let receivedAt = now
        if let maker = await ticket.lane.keys.maker() {
            return .event(
                maker.event(
                    read, receiver: settings.name, destination: settings.destination, receivedAt: receivedAt,
                    form: settings.identifiers))
        }
        // Nothing that is to be hidden is ever written to a disk.
        guard settings.identifiers == .plain else { return nil }
        return .body(
            UnreadBody(
                receiver: settings.name, destination: settings.destination, receivedAt: receivedAt, bytes: body))
    }

    private func reject(_ body: [UInt8], _ fault: BodyProblem, _ ticket: ReceiverTicket) async {
        ticket.lane.count(ticket.receiver, .rejected)
        rejections.add(ticket.receiver) { .bodyRejected(receiver: ticket.receiver, reason: fault, count: $0) }
        let form = ticket.settings.identifiers
        let maker = form == .plain ? nil : await ticket.lane.keys.maker()
        guard form == .plain || maker != nil else { return }
        let text = RejectedText.of(body, hiding: maker?.hiding(form))
        let reject = RejectedBody(
            receiver: ticket.receiver, receivedAt: now, reason: fault.rawValue, body: text)
        // The answer is the same whether or not it could be kept.
        _ = await keep(.reject(reject), body.count, ticket)
    }

    private func test(_ body: [UInt8], _ ticket: ReceiverTicket) -> ReceiverAnswer {
        ticket.lane.count(ticket.receiver, .test)
        do throws(BodyProblem) {
            _ = try ReceivedBody(body)
            return .done
        } catch {
            return Self.rejected(error)
        }
    }

    private static func rejected(_ fault: BodyProblem) -> ReceiverAnswer {
        .refused(
            400, fault.rawValue, "The body \(fault.meaning).", hint: "Send one JSON object, in UTF-8.", closes: false)
    }

    private func unavailable(_ ticket: ReceiverTicket, closes: Bool = false) -> ReceiverAnswer {
        ticket.lane.count(ticket.receiver, .unavailable)
        if isStopping {
            return .unavailable("This process is about to end.", seconds: Self.shortPause, closes: closes)
        }
        let isAway = ticket.lane.health.problem != nil
        return .unavailable(
            isAway ? "The body cannot be kept now." : "Too many bodies wait to be kept.",
            seconds: isAway ? Self.longPause : Self.shortPause, closes: closes)
    }

    /// To the millisecond, as warehouses keep it.
    private var now: Date {
        Date(timeIntervalSince1970: (clock.wallTime.timeIntervalSince1970 * 1000).rounded(.down) / 1000)
    }
}
