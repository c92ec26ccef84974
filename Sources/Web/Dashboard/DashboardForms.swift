import Hummingbird
import RollcallCore
import SyncEngine

/// What the buttons of the dashboard do. Each form carries a token that pages of other sites cannot know.
struct DashboardForms: Sendable {
    let service: SyncService
    let gate: Gate
    let limits: RequestLimits

    var routes: [Route] {
        [
            sync("run") { service, name, fields in
                var wanted = RunRequest()
                wanted.trigger = .manual
                wanted.full = fields["full"] == "1"
                return "/runs/\(try await service.start(name, wanted).id)"
            },
            sync("pause") { service, name, _ in
                _ = try await service.setPaused(name, true)
                return SyncWords.link(name)
            },
            sync("resume") { service, name, _ in
                _ = try await service.setPaused(name, false)
                return SyncWords.link(name)
            },
            run("approve") { service, id in _ = try await service.approve(id) },
            run("discard") { service, id in _ = try await service.discard(id) },
            run("cancel") { service, id in _ = try await service.cancel(id) },
        ]
    }

    /// - Parameter act: gives the page to go to.
    private func sync(
        _ name: String, _ act: @escaping @Sendable (SyncService, String, [String: String]) async throws -> String
    ) -> Route {
        Route(.post, "/syncs/{name}/\(name)", .operators, isPage: true) { request, context in
            let fields = try await checkedForm(request, context)
            return Reply.seeOther(try await act(service, try context.part("name"), fields))
        }
    }

    private func run(_ name: String, _ act: @escaping @Sendable (SyncService, String) async throws -> Void) -> Route {
        Route(.post, "/runs/{id}/\(name)", .operators, isPage: true) { request, context in
            _ = try await checkedForm(request, context)
            let id = try RunRoutes.id(context)
            try await act(service, id)
            return Reply.seeOther("/runs/\(id)")
        }
    }

    private func checkedForm(_ request: Request, _ context: WebContext) async throws -> [String: String] {
        let fields = try await request.form(context, limits: limits)
        guard fields["token"] == gate.formToken(context) else {
            throw Problem(
                .forbidden, "form_token", "The form is too old, or not one of ours.",
                hint: "Go back, reload the page and try again.")
        }
        return fields
    }
}
