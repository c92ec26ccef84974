import AsyncHTTPClient
import Foundation
import Iterable
import NIOCore
import NIOHTTP1
import Receivers
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

/// What `check` looks at where receivers are configured.
struct ReceiverCheck {
    let app: App
    let now: Date
    private var configuration: Configuration { app.configuration }
    private var listen: ReceiverListenSettings { configuration.receiverListen }

    /// How many of the newest events are looked at for a userId.
    private static let newest = 1000

    init(_ app: App, now: Date) {
        self.app = app
        self.now = now
    }

    /// Everything, in the order of the configuration; where there are no receivers, only what one has left in the spool.
    func findings() async -> [Finding] {
        let receivers = configuration.receivers
        let strays = Self.strays(listen.spoolPath, warehouses: Set(configuration.stateOrder))
        if receivers.isEmpty { return strays }
        var findings = [await listener(), SpoolFolder(listen.spoolPath, mostBytes: listen.spoolBytes).finding()]
        findings += strays
        let summaries = await summaries()
        var webhooks: [String: Result<[RemoteWebhook], RunError>] = [:]
        for receiver in receivers {
            findings.append(auth(receiver))
            if let masked = Self.masked(receiver) { findings.append(masked) }
            findings += events(receiver, summaries)
            guard let destination = receiver.destination else { continue }
            if webhooks[destination] == nil { webhooks[destination] = await self.webhooks(destination) }
            if let found = webhooks[destination] { findings.append(webhook(receiver, destination, found)) }
        }
        return findings
    }

    // MARK: Here

    /// Whether something answers where the listener would be. That nothing does is no failure: `serve` may not be started yet.
    private func listener() async -> Finding {
        let reach = listen.isLoopback ? "for this machine alone" : "for other machines too"
        let subject = "receivers, listener"
        guard let url = listen.localURL else {
            return Finding(
                subject: subject, isFine: true, detail: "\(listen.host), \(reach), on a free port at each start",
                fix: "give server.receiver_listen a port: Iterable posts to one address")
        }
        let answers = await Self.answers(url + "/healthz")
        return Finding(
            subject: subject, isFine: true,
            detail: "\(url), \(reach); \(answers ? "it answers" : "nothing answers now")",
            fix: answers ? nil : "`rollcall serve` starts it")
    }

    private static func answers(_ url: String) async -> Bool {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(2), read: .seconds(2)))
        configuration.proxy = nil
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(configuration: configuration)
        let status = try? await client.execute(HTTPClientRequest(url: url), timeout: .seconds(2)).status.code
        try? await client.shutdown()
        return status == 200
    }

    /// What waits in the spool for warehouses that the configuration does not have.
    static func strays(_ spool: String?, warehouses: Set<String>) -> [Finding] {
        let contents = spool.map { SpoolContents.all(in: $0) } ?? []
        return contents.filter { !warehouses.contains($0.warehouse) }.map { stray in
            let name = DisplayText.safe(stray.warehouse, limit: 200)
            return Finding(
                subject: "receivers, spool of \(name)", isFine: false,
                detail:
                    "\(DisplayText.count(stray.bodies, "event")) in \(DisplayText.safe(stray.path, limit: 1000)) for a"
                    + " warehouse that the configuration does not have",
                fix: "configure the warehouse \(name), so that `rollcall serve` stores what waits, or remove the folder"
            )
        }
    }

    private func auth(_ receiver: ReceiverSettings) -> Finding {
        let subject = "receiver \(receiver.name), auth"
        let count = receiver.credentials.count
        if count > 0 {
            return Finding(
                subject: subject, isFine: true,
                detail: "\(receiver.path), \(DisplayText.count(count, "token")) taken in every form")
        }
        // The configuration refuses it where other machines reach the listener.
        return Finding(
            subject: subject, isFine: true, detail: "\(receiver.path), none: any program of this machine may post",
            fix: "give it auth, and type the same token in Iterable; behind a proxy it takes nothing without")
    }

    /// Masked identifiers are those of many people.
    static func masked(_ receiver: ReceiverSettings) -> Finding? {
        guard receiver.identifiers == .masked else { return nil }
        return Finding(
            subject: "receiver \(receiver.name), identifiers", isFine: true,
            detail: "masked: latest_unsubscribes and email_engagement cannot tell people apart",
            fix: "hashed (identifiers: hashed) hides people too, and keeps them apart")
    }

    // MARK: Warehouse

    /// Minutes after which a receiver counts as silent.
    private var silentAfterMinutes: Int { (configuration.alerts?.thresholds ?? AlertThresholds()).silentAfterMinutes }

    private func summaries() async -> [String: Result<ReceiverSummary, RunError>] {
        var summaries: [String: Result<ReceiverSummary, RunError>] = [:]
        // As far back as an hour may count, and the last day.
        let since = now.addingTimeInterval(-max(86_400, 60 * Double(silentAfterMinutes) + 3600))
        for name in configuration.stateOrder {
            let receivers = configuration.receivers.filter { $0.warehouse == name }.map(\.name)
            guard !receivers.isEmpty, let warehouse = try? app.stateWarehouse(name, waitSeconds: 10) else { continue }
            do throws(WarehouseError) {
                let found = try await warehouse.receiverSummaries(receivers, since: since)
                for receiver in receivers { summaries[receiver] = .success(found[receiver] ?? ReceiverSummary()) }
            } catch {
                for receiver in receivers { summaries[receiver] = .failure(error.error) }
            }
            await warehouse.close()
        }
        return summaries
    }

    private func events(
        _ receiver: ReceiverSettings, _ summaries: [String: Result<ReceiverSummary, RunError>]
    ) -> [Finding] {
        switch summaries[receiver.name] {
        case .failure(let error)?:
            return [
                Finding(
                    subject: "receiver \(receiver.name), events", isFine: false, detail: error.message, fix: error.hint)
            ]
        case .success(let summary)?:
            return [latest(receiver, summary)] + [userIDs(receiver, summary)].compactMap { $0 }
        case nil: return []
        }
    }

    /// Whether events come, and still do.
    private func latest(_ receiver: ReceiverSettings, _ summary: ReceiverSummary) -> Finding {
        let subject = "receiver \(receiver.name), events"
        guard let latest = summary.latestAt else {
            return Finding(
                subject: subject, isFine: true, detail: "warehouse \(receiver.warehouse), none has come yet",
                fix: "`rollcall receivers test \(receiver.name)` shows whether the receiver takes them")
        }
        let age = now.timeIntervalSince(latest)
        let isSilent = Self.isSilent(summary, afterMinutes: silentAfterMinutes, now: now)
        return Finding(
            subject: subject, isFine: !isSilent,
            detail: "warehouse \(receiver.warehouse), the latest came \(DisplayText.duration(age)) ago",
            fix: isSilent
                ? "look at the webhook in Iterable, at the proxy before the receiver, and at `rollcall receivers`" : nil
        )
    }

    /// Whether nothing has come for so long. Events that are left out, and repeats, show as well that Iterable posts.
    static func isSilent(_ summary: ReceiverSummary, afterMinutes limit: Int, now: Date) -> Bool {
        guard let sign = summary.latestSign(now: now) else { return false }
        return now.timeIntervalSince(sign) >= 60 * Double(limit)
    }

    /// Iterable puts userIds into what it posts only where that was switched on for the project.
    private func userIDs(_ receiver: ReceiverSettings, _ summary: ReceiverSummary) -> Finding? {
        let subject = "receiver \(receiver.name), userId"
        let fix = "ask Iterable's support to put the userId into the payload of system webhooks"
        let yesterday = now.addingTimeInterval(-86_400)
        let dropped = summary.counts.filter { $0.outcome == .withoutUser && $0.hour >= yesterday }
            .reduce(0) { $0 + $1.count }
        if receiver.requiresUserID, dropped > 0, summary.newestWithUserID == 0 {
            return Finding(
                subject: subject, isFine: false,
                detail: "require_user_id leaves all events out: \(DisplayText.grouped(dropped)) in the last day",
                fix: fix)
        }
        guard summary.newest > 0, summary.newestWithUserID == 0 else { return nil }
        // A project that knows people by their addresses may have no userIds.
        let type = receiver.destination.flatMap { configuration.destinations[$0]?.projectType }
        let isFine = type == .email || summary.newest < Self.newest
        return Finding(
            subject: subject, isFine: isFine,
            detail: "none of the latest \(DisplayText.count(summary.newest, "event")) has one", fix: fix)
    }

    // MARK: Iterable

    private func webhooks(_ destination: String) async -> Result<[RemoteWebhook], RunError> {
        do {
            return .success(try await app.asking(destination) { client, _ in try await client.webhooks() })
        } catch {
            return .failure(RunError(any: error))
        }
    }

    private func webhook(
        _ receiver: ReceiverSettings, _ destination: String, _ found: Result<[RemoteWebhook], RunError>
    ) -> Finding {
        let subject = "receiver \(receiver.name), webhook in \(destination)"
        switch found {
        case .failure(let error):
            return Finding(subject: subject, isFine: false, detail: error.message, fix: error.hint)
        case .success(let webhooks):
            return WebhookFinding(receiver, webhooks).finding(subject)
        }
    }
}

/// Whether one of a project's webhooks posts to a receiver.
struct WebhookFinding {
    private let receiver: ReceiverSettings
    private let all: Int
    /// Those whose endpoint has the receiver's path, also behind what a proxy takes away.
    private let ours: [RemoteWebhook]

    init(_ receiver: ReceiverSettings, _ webhooks: [RemoteWebhook]) {
        self.receiver = receiver
        all = webhooks.count
        let exact = webhooks.filter { $0.path == receiver.path }
        ours = exact.isEmpty ? webhooks.filter { $0.path.hasSuffix(receiver.path) } : exact
    }

    func finding(_ subject: String) -> Finding {
        func finding(_ isFine: Bool, _ detail: String, _ fix: String?) -> Finding {
            Finding(subject: subject, isFine: isFine, detail: detail, fix: fix)
        }
        guard let webhook = ours.first(where: \.isEnabled) ?? ours.first else {
            return finding(
                false, "none of \(DisplayText.count(all, "webhook")) of the project posts to \(receiver.path)",
                "make one in Iterable (Settings > Integrations > System webhooks) with the public address of this"
                    + " receiver; or correct its path here")
        }
        let name = "webhook \(webhook.id)" + (ours.count > 1 ? " (of \(ours.count) with this path)" : "")
        if !webhook.isEnabled {
            return finding(false, "\(name) is not enabled", "enable it in Iterable (Settings > Integrations)")
        }
        if webhook.authType == "NoAuth", receiver.credentials.contains(where: \.isToken), !receiver.hasHeader {
            return finding(
                false, "\(name) is enabled, and sends no token, so that every event is refused",
                "choose Basic as its authentication in Iterable, and type the receiver's token")
        }
        if !webhook.blastSends, !webhook.triggeredSends {
            return finding(
                false, "\(name) is enabled, for neither blast nor triggered campaigns",
                "choose in Iterable for which campaigns it is called")
        }
        let isSecure = webhook.endpoint.lowercased().hasPrefix("https://")
        return finding(
            true, "\(name) is enabled, authentication \(DisplayText.safe(webhook.authType, limit: 40))",
            isSecure ? nil : "give it an https:// address: Iterable posts to no other")
    }
}

extension ReceiverSettings {
    fileprivate var hasHeader: Bool { credentials.contains { !$0.isToken } }
}

extension ReceiverSettings.Credential {
    fileprivate var isToken: Bool { if case .token = self { true } else { false } }
}
