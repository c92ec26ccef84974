import Crypto
import Foundation
import Hummingbird
import RollcallCore
import SyncEngine
import Warehouse

/// The pages at `/`: complete without a script, and following what happens with it.
struct Dashboard: Sendable {
    let service: SyncService
    /// nil: the process has no receivers.
    let receivers: (any ReceiverReading)?
    let gate: Gate
    let limits: RequestLimits
    let lookups: Slots
    private let renderer: PageRenderer
    private let tally = EventTally()
    /// Changes with the style sheet and the script, so that browsers fetch new ones.
    private static let version = String(
        SHA256.hash(data: Data((StyleSheet.text + Script.text).utf8)).description.suffix(12))
    private static let historyLength = 60
    private static let pageLength = 25
    /// Changes of a held run that are shown.
    private static let planLength = 50
    /// Seconds until a page that shows a stream is made again.
    private static let streamPause = 5

    init(
        service: SyncService, receivers: (any ReceiverReading)?, gate: Gate, limits: RequestLimits, lookups: Slots
    ) throws {
        self.service = service
        self.receivers = receivers
        self.gate = gate
        self.limits = limits
        self.lookups = lookups
        renderer = try PageRenderer()
    }

    var routes: [Route] {
        [
            Route(.get, "/", .reader, isPage: true) { _, context in try await overview(context) },
            Route(.get, "/syncs/{name}", .reader, isPage: true) { try await sync($0, $1) },
            Route(.get, "/syncs/{name}/why", .reader, isPage: true) { _, context in
                let sync = try await service.status(of: try context.part("name")).settings
                return try whyPage(sync, "", nil, context)
            },
            Route(.post, "/syncs/{name}/why", .reader, isPage: true) { try await why($0, $1) },
            Route(.get, "/runs/{id}", .reader, isPage: true) { try await run($0, $1) },
            Self.asset("rollcall.css", StyleSheet.text, type: "text/css; charset=utf-8"),
            Self.asset("rollcall.js", Script.text, type: "text/javascript; charset=utf-8"),
        ] + DashboardForms(service: service, gate: gate, limits: limits).routes + receiverRoutes + loginRoutes
    }

    // MARK: Pages

    private func overview(_ context: WebContext) async throws -> Response {
        let now = Date()
        let statuses = await service.statuses()
        let recent = try? await service.runs(RunFilter(limit: 20 * max(1, min(statuses.count, 25))))
        let bySync = Dictionary(grouping: recent?.runs ?? [], by: \.sync)
        var frame = frame("Syncs", context, live: true)
        if statuses.contains(where: { $0.settings.stream != nil }) { frame.every = Self.streamPause }
        let view = OverviewView(
            frame: frame,
            problems: await service.health().problems.map(ProblemView.init),
            cards: statuses.map { SyncCard($0, runs: bySync[$0.settings.name] ?? [], now: now) })
        return try page(view, "overview")
    }

    private func sync(_ request: Request, _ context: WebContext) async throws -> Response {
        let now = Date()
        let query = try Query(request, known: ["before"])
        var status = try await service.status(of: try context.part("name"))
        let name = status.settings.name
        var history: [SyncRun] = []
        var page: [SyncRun] = []
        var ticks: [Tick] = []
        var events: EventsView?
        if status.problem == nil {
            do throws(ServiceError) {
                history = try await service.runs(RunFilter(sync: name, limit: Self.historyLength)).runs
            } catch {
                // That the state is elsewhere may be found out now.
                guard error.error.isMissingState else { throw error }
                status.problem = error.error
            }
        }
        if status.problem == nil {
            page = history
            if let before = query["before"] {
                guard RunID.isValid(before) else { throw Problem.notFound }
                page = try await service.runs(
                    RunFilter(sync: name, limit: Self.pageLength + 1, before: before)
                ).runs
            }
            ticks = try await service.ticks(name, limit: 12)
            if status.settings.kind == .events {
                let counts = try await tally.counts(status, service, now: now)
                events = EventsView(try await service.eventCursor(name), counts, now: now)
                // What was counted when a run ended is an hour old where the sync is streamed.
                if status.settings.stream != nil { status.members = (counts[.sent] ?? 0) + (counts[.sending] ?? 0) }
            }
        }
        let shown = Array(page.prefix(Self.pageLength))
        let older = page.count > shown.count ? shown.last.map { "\(SyncWords.link(name))?before=\($0.id)" } : nil
        var frame = frame(DisplayText.safe(name, limit: 80), context, live: true, sync: name)
        if status.settings.stream != nil { frame.every = Self.streamPause }
        let view = SyncView(
            status, history: history, page: shown, older: older, ticks: ticks, events: events, frame: frame, now: now)
        return try self.page(view, "sync")
    }

    private func run(_ request: Request, _ context: WebContext) async throws -> Response {
        let query = try Query(request, known: ["status", "cursor"])
        let run = try await service.run(try RunRoutes.id(context))
        let status = query["status"] ?? "failed"
        guard RecordPage.filters(run.kind).contains(where: { $0.status == status }) else { throw Problem.notFound }
        var filter = RecordFilter()
        filter.runID = run.id
        filter.status = status == "all" ? nil : status
        filter.limit = Paging.size + 1
        filter.before = query["cursor"].flatMap { Int64($0) }
        let records = try await service.allRecords(filter)
        let shown = Array(records.prefix(Paging.size))
        let live = await service.liveRuns().first { $0.runID == run.id }
        let view = RunView(
            run, live: live, plan: run.status == .held ? await removals(of: run) : [],
            records: RecordPage(
                status: status, records: shown, next: records.count > shown.count ? shown.last?.recordID : nil),
            frame: frame(
                "Run of \(DisplayText.safe(run.sync, limit: 80)): \(run.status.rawValue.replacing("_", with: " "))",
                context,
                live: !run.status.isFinal, sync: run.sync),
            now: Date())
        return try page(view, "run")
    }

    /// Some changes of a held run, removals first: they are what it is held for.
    private func removals(of run: SyncRun) async -> [Change] {
        // Where there are fewer, the search ends at the first of them.
        let most = min(Self.planLength, run.counts.planned.total(.remove))
        let removals = most > 0 ? (try? await service.stagedRemovals(run.id, limit: most)) ?? [] : []
        let others = (try? await service.stagedChanges(run.id, limit: Self.planLength)) ?? []
        return Array((removals + others.filter { $0.operation.direction == .put }).prefix(Self.planLength))
    }

    private func why(_ request: Request, _ context: WebContext) async throws -> Response {
        let fields = try await request.form(context, limits: limits)
        let sync = try await service.status(of: try context.part("name")).settings
        let identifier = fields["identifier"]?.trimmingCharacters(in: .whitespaces) ?? ""
        guard !identifier.isEmpty, identifier.utf8.count <= 1000 else {
            return try whyPage(sync, "", nil, context)
        }
        guard let slot = lookups.take() else { throw Slots.problem }
        let report = try await service.why(sync.name, identifier)
        withExtendedLifetime(slot) {}
        return try whyPage(sync, identifier, report, context)
    }

    private func whyPage(
        _ sync: SyncSettings, _ identifier: String, _ report: WhyReport?, _ context: WebContext
    ) throws -> Response {
        let view = WhyView(
            sync: sync.name, kind: sync.kind, identifier: identifier, report: report, frame: frame("Why", context),
            now: Date())
        return try page(view, "why")
    }

    /// The page of an error.
    func errorPage(_ problem: Problem, _ request: Request, _ context: WebContext) -> Response {
        if problem.status == .unauthorized && request.method == .get {
            return Reply.seeOther("/login?next=\(request.uri.path.percentEncoded)")
        }
        let view = ErrorPageView(
            frame: frame(problem.status.reasonPhrase, context), heading: problem.status.reasonPhrase,
            detail: problem.detail, hint: problem.hint.map { ProseView($0, limit: 1000) }, runID: problem.runID,
            back: request.method == .get ? "/" : Self.back(from: request.uri.path))
        guard var response = try? page(view, "error") else { return problem.response }
        response.status = problem.status
        for field in problem.headers { response.headers[field.name] = field.value }
        return response
    }

    /// `/syncs/vip/run` leads back to `/syncs/vip`.
    private static func back(from path: String) -> String {
        let parts = path.split(separator: "/")
        return parts.count == 3 ? "/\(parts[0])/\(parts[1])" : "/"
    }

    // MARK: Login

    private var loginRoutes: [Route] {
        [
            Route(.get, "/login", .anybody, isPage: true) { request, context in
                let next = (try? Query(request, known: ["next"]))?["next"]
                return try page(LoginView(frame: frame("Log in", context), next: next ?? "/", failed: false), "login")
            },
            Route(.post, "/login", .anybody, isPage: true) { try await logIn($0, $1) },
            Route(.post, "/logout", .anybody, isPage: true) { request, context in
                let name = Gate.cookieName(request)
                if let cookie = request.cookies[name] { gate.sessions.close(cookie.value) }
                var response = Reply.seeOther("/login")
                response.setCookie(Self.cookie(name, "", age: 0, request))
                return response
            },
        ]
    }

    private func logIn(_ request: Request, _ context: WebContext) async throws -> Response {
        let fields = try await request.form(context, limits: limits)
        let next = fields["next"] ?? "/"
        guard let principal = gate.principal(of: fields["secret"] ?? "") else {
            var response = try page(
                LoginView(frame: frame("Log in", context), next: next, failed: true), "login")
            response.status = .forbidden
            return response
        }
        // Only to a page of this server.
        let isLocal = next.hasPrefix("/") && !next.hasPrefix("//") && !next.contains("\\")
        let target = isLocal && next.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } ? next : "/"
        var response = Reply.seeOther(target)
        let value = gate.sessions.open(for: principal)
        response.setCookie(Self.cookie(Gate.cookieName(request), value, age: Int(Sessions.lifetime), request))
        return response
    }

    private static func cookie(_ name: String, _ value: String, age: Int, _ request: Request) -> Cookie {
        Cookie(
            name: name, value: value, maxAge: age, path: "/", secure: RequestOrigin.isSecure(request), httpOnly: true,
            sameSite: .strict)
    }

    // MARK: Parts

    func page(_ view: some PageView, _ template: String) throws(Problem) -> Response {
        Reply.html(try renderer.render(view, template))
    }

    func frame(
        _ title: String, _ context: WebContext, live: Bool = false, sync: String? = nil, isOfReceivers: Bool = false
    ) -> Frame {
        Frame(
            title: title, version: Self.version, live: live, sync: sync,
            // The login shows nothing of what is configured.
            hasReceivers: context.principal != nil && receivers?.receivers.isEmpty == false,
            isOfReceivers: isOfReceivers,
            user: gate.isOpen ? nil : context.principal.map { DisplayText.safe($0.name, limit: 40) },
            isOperator: context.principal?.role == .operator, canLogOut: context.session != nil,
            formToken: gate.formToken(context))
    }

    private static func asset(_ name: String, _ text: String, type: String) -> Route {
        Route(.get, "/assets/\(name)", .anybody) { _, _ in
            Reply.text(text, type: type, headers: [.cacheControl: "public, max-age=86400"])
        }
    }
}
