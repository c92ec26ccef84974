import Foundation
import Logging
import Receivers
import RollcallConfig
import RollcallCore
import SyncEngine
import Web

/// From the configuration to the settings of the web server.
enum ServeWeb {
    /// - Throws: what is wrong with `ROLLCALL_TOKENS`, or an address that no token guards.
    static func server(
        _ service: SyncService, _ receivers: ReceiverService?, _ address: ServerSettings, further: Secret?,
        logger: Logger
    ) throws -> WebServer {
        var settings = WebSettings()
        settings.host = address.host
        settings.port = address.port
        do {
            settings.tokens = try tokens(address, further: further)
            return try WebServer(service: service, settings: settings, logger: logger, receivers: receivers)
        } catch {
            throw UsageError(error)
        }
    }

    /// - Parameter further: what `ROLLCALL_TOKENS` says.
    static func tokens(_ settings: ServerSettings, further: Secret?) throws(RunError) -> AccessTokens {
        var tokens = AccessTokens()
        for token in settings.tokens {
            let role = token.role == .operator ? Role.operator : .read
            guard tokens.add(name: token.name, role: role, sha256: token.sha256) else {
                throw RunError(code: "tokens", message: "the sha256 of the token \"\(token.name)\" is none")
            }
        }
        try tokens.add(environment: further?.reveal() ?? "")
        return tokens
    }
}
