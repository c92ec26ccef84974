import Foundation
import Hummingbird
import RollcallCore
import Synchronization

/// What a route asks of the one who calls it.
enum Access: Sendable {
    /// Open to all: health, style sheet, login.
    case anybody
    case reader
    case operators
}

/// Decides who a request is from, and whether he may.
final class Gate: Sendable {
    let sessions = Sessions()
    /// Whether the server can be reached from this machine only.
    private let isLoopback: Bool
    private let host: String
    private let tokens: Mutex<AccessTokens>
    /// What forms carry while there are no tokens; pages of other sites cannot read it.
    private let openFormToken = Sessions.random()

    init(tokens: AccessTokens, host: String) {
        self.tokens = Mutex(tokens)
        self.host = host
        isLoopback = LoopbackAddress.contains(host)
    }

    /// No tokens are configured: whoever is on this machine may do everything.
    var isOpen: Bool { tokens.withLock { $0.isEmpty } }

    func replaceTokens(_ new: AccessTokens) { tokens.withLock { $0 = new } }

    func principal(of token: String) -> Principal? { tokens.withLock { $0.principal(of: token) } }

    func formToken(_ context: WebContext) -> String { context.session?.formToken ?? openFormToken }

    /// - Parameter isPage: whether it is for a person: browsers come with cookies, programs with tokens. A cookie opens
    ///   what only looks, everywhere; it acts only through forms, which carry their own token.
    /// - Returns: the context with who it is.
    /// - Throws: ``Problem``.
    func admit(
        _ request: Request, _ context: WebContext, _ access: Access, isPage: Bool
    ) throws(Problem) -> WebContext {
        var context = context
        let changes = request.method != .get && request.method != .head
        if changes && RequestOrigin.isForeign(request) {
            throw Problem(.forbidden, "cross_site", "The request comes from a page of another site.")
        }
        if isOpen {
            guard !isLoopback || RequestOrigin.namesLoopback(request.head.authority, listeningOn: host) else {
                throw Problem(
                    .forbidden, "host", "Without tokens the server answers to the names of this machine only.",
                    hint: "Open it as http://127.0.0.1 or http://localhost, or configure tokens.")
            }
            context.principal = Principal(name: "local", role: .operator)
            return context
        }
        context.session = session(request)
        if let token = bearer(request) {
            context.principal = principal(of: token)
        } else if isPage || !changes {
            context.principal = context.session?.principal
        }
        guard access != .anybody else { return context }
        guard let principal = context.principal else { throw .unauthorized }
        guard access == .reader || principal.role == .operator else { throw .forbidden(principal.name) }
        return context
    }

    /// Name of the session's cookie; `__Host-` binds it to https and this very host.
    static func cookieName(_ request: Request) -> String {
        RequestOrigin.isSecure(request) ? "__Host-rollcall" : "rollcall"
    }

    private func session(_ request: Request) -> Session? {
        guard let value = request.cookies[Self.cookieName(request)]?.value, let session = sessions.find(value),
            tokens.withLock({ $0.contains(session.principal) })
        else { return nil }
        return session
    }

    /// The token of an Authorization header (RFC 6750); nil where there is no such header.
    private func bearer(_ request: Request) -> String? {
        guard let header = request.headers[.authorization] else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return "" }
        return parts[1].trimmingCharacters(in: .whitespaces)
    }
}
