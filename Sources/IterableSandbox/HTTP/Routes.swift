import Foundation
import Hummingbird

/// Everything the sandbox answers to.
struct Routes {
    let core: SandboxCore

    /// All calls of the API. Fixed paths stand before those with variable parts.
    static let api: [Endpoint] =
        SubscriberCalls.endpoints + ListCalls.endpoints + IdentityCalls.endpoints + UserCalls.endpoints
        + EventCalls.endpoints + CatalogCalls.endpoints + ProjectCalls.endpoints + WebhookCalls.endpoints

    /// The router for the API, the inspection calls and the status page.
    func router() -> Router<SandboxContext> {
        let router = Router(context: SandboxContext.self)
        router.add(middleware: UnknownRoutes(core: core))
        let pipeline = Pipeline(core: core)
        for endpoint in Self.api {
            router.on(RouterPath(endpoint.path), method: Self.method(endpoint.method)) { request, context in
                await pipeline.respond(to: request, context: context, endpoint: endpoint)
            }
        }
        InspectionRoutes(core: core).add(to: router)
        return router
    }

    private static func method(_ name: String) -> HTTPRequest.Method {
        switch name {
        case "POST": .post
        case "PUT": .put
        case "PATCH": .patch
        case "DELETE": .delete
        default: .get
        }
    }
}

/// Answers and logs requests to paths that do not exist.
struct UnknownRoutes: RouterMiddleware {
    typealias Context = SandboxContext
    let core: SandboxCore

    func handle(
        _ request: Request, context: SandboxContext, next: (Request, SandboxContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            let record = SandboxRequestRecord(
                time: Date(), method: request.method.rawValue, path: request.uri.path, status: 404, rowCount: nil,
                fault: nil, reason: "unknown route")
            core.with { $0.traffic.record(record, endpoint: "unknown route") }
            return Reply.unknownRoute.response()
        }
    }
}
