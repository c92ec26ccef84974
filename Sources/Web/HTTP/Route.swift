import Foundation
import Hummingbird

/// One thing the server can be asked for.
struct Route: Sendable {
    let method: HTTPRequest.Method
    /// Path with `{name}` for its variable parts, as in OpenAPI.
    let path: String
    let access: Access
    /// Whether it is for a person: errors are pages, and a browser's cookie is enough.
    let isPage: Bool
    let handle: @Sendable (Request, WebContext) async throws -> Response

    init(
        _ method: HTTPRequest.Method, _ path: String, _ access: Access, isPage: Bool = false,
        handle: @escaping @Sendable (Request, WebContext) async throws -> Response
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.isPage = isPage
        self.handle = handle
    }
}

extension WebContext {
    /// A variable part of the path, without percent escapes.
    func part(_ name: String) throws(Problem) -> String {
        guard let raw = parameters.get(name), let text = raw.removingPercentEncoding else { throw .notFound }
        return text
    }
}

/// Puts routes into a router; a known path with another method answers 405.
enum RouteTable {
    /// The methods that a path takes; empty where there is nothing at it. For methods that the router knows nothing of.
    static func methods(of path: String, in routes: [Route]) -> [String] {
        let parts = path.split(separator: "/")
        let found = routes.filter { route in
            let pattern = route.path.split(separator: "/")
            return pattern.count == parts.count && zip(pattern, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
        return names(Set(found.map(\.method)))
    }

    private static func names(_ methods: Set<HTTPRequest.Method>) -> [String] {
        methods.union(methods.contains(.get) ? [.head] : []).map(\.rawValue).sorted()
    }

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    static func add(_ routes: [Route], to router: Router<WebContext>, gate: Gate) {
        for route in routes {
            let respond: @Sendable (Request, WebContext) async throws -> Response = { request, context in
                let context = try gate.admit(request, context, route.access, isPage: route.isPage)
                return try await route.handle(request, context)
            }
            router.on(RouterPath(route.path), method: route.method, use: respond)
            if route.method == .get {
                router.on(RouterPath(route.path), method: .head) { request, context in
                    let response = try await respond(request, context)
                    return Response(status: response.status, headers: response.headers)
                }
            }
        }
        for path in Set(routes.map(\.path)) {
            let allowed = names(Set(routes.filter { $0.path == path }.map(\.method)))
            for method in methods where !allowed.contains(method.rawValue) {
                router.on(RouterPath(path), method: method) { _, _ -> Response in
                    throw Problem.methodNotAllowed(allowed)
                }
            }
        }
    }
}
