import HTTPTypes
import Hummingbird
import Logging
import RollcallCore
import SyncEngine

/// What every request passes through: errors become answers, answers get their headers, and each leaves a line in the log
/// and a count.
struct Answers: RouterMiddleware {
    typealias Context = WebContext

    let limits: RequestLimits
    let traffic: TrafficCounter
    let routes: [Route]
    /// Makes the page of an error for a person.
    let errorPage: @Sendable (Problem, Request, WebContext) -> Response
    let logger: Logger

    func handle(
        _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var response: Response
        do {
            guard (request.head.path ?? "").utf8.count <= limits.addressBytes else {
                throw Problem(.uriTooLong, "address_too_long", "The address may have \(limits.addressBytes) bytes.")
            }
            response = try await next(request, context)
        } catch {
            var problem = problem(error)
            if problem.status == .notFound {
                let allowed = RouteTable.methods(of: request.uri.path, in: routes)
                let isKnown = allowed.isEmpty || allowed.contains(request.method.rawValue)
                if !isKnown { problem = .methodNotAllowed(allowed) }
            }
            response = Self.isForProgram(request) ? problem.response : errorPage(problem, request, context)
        }
        SecurityHeaders.add(to: &response, path: request.uri.path)
        // The pattern of the path, never the path itself: it tells nothing of people.
        let route = context.endpointPath ?? "unknown"
        traffic.count(method: request.method.rawValue, route: route, status: response.status.code)
        logger.info(
            "request",
            metadata: [
                "method": "\(request.method.rawValue)", "route": "\(route)", "status": "\(response.status.code)",
                "milliseconds": "\(Self.milliseconds(since: start))",
            ])
        return response
    }

    /// Whether an error is answered with JSON rather than with a page.
    static func isForProgram(_ request: Request) -> Bool {
        let path = request.uri.path
        let isInterface = ["/api/", "/v2/", "/healthz", "/readyz", "/metrics"].contains { path.hasPrefix($0) }
        return isInterface || !request.accepts("text/html")
    }

    private func problem(_ error: any Error) -> Problem {
        switch error {
        case let error as Problem: return error
        case let error as ServiceError: return Problem(error)
        case let error as HTTPError where error.status == .notFound: return .notFound
        case let error as HTTPError:
            return Problem(error.status, "http", error.body ?? "The request cannot be answered.")
        case is CancellationError:
            return Problem(.serviceUnavailable, "stopping", "The server is stopping.")
        default:
            logger.error("a request failed", metadata: ["error": "\(type(of: error))"])
            return Problem(.internalServerError, "internal", "Something went wrong here; the log says what.")
        }
    }

    private static func milliseconds(since start: ContinuousClock.Instant) -> Int64 {
        let passed = (ContinuousClock.now - start).components
        return passed.seconds * 1000 + passed.attoseconds / 1_000_000_000_000_000
    }
}

/// Headers that keep answers from being misused.
enum SecurityHeaders {
    static let contentSecurityPolicy = [
        "default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self' data:", "connect-src 'self'",
        "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'",
    ].joined(separator: "; ")

    private static let fixed: [(String, String)] = [
        ("content-security-policy", contentSecurityPolicy), ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY"), ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ]

    static func add(to response: inout Response, path: String) {
        for (name, value) in fixed {
            guard let field = HTTPField.Name(name) else { continue }
            response.headers[field] = value
        }
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    }
}
