import Foundation
import Hummingbird
import RollcallCore

/// Where a request comes from, as far as a browser says it.
enum RequestOrigin {
    /// Whether a request that changes something may come from another site's page. Programs send none of the headers
    /// looked at; browsers always send one of them with a POST. Source: OWASP, Cross-Site Request Forgery Prevention.
    static func isForeign(_ request: Request) -> Bool {
        if let site = request.headers.value("sec-fetch-site") {
            return site != "same-origin" && site != "none"
        }
        guard let origin = request.headers.value("origin") else { return false }
        guard let start = origin.range(of: "://") else { return true }
        let host = origin[start.upperBound...].lowercased()
        let own = [request.head.authority, request.headers.value("x-forwarded-host")]
        return !own.contains { $0?.lowercased() == host }
    }

    /// Whether a Host header names this machine. A page elsewhere whose name was made to resolve to 127.0.0.1 is told
    /// apart by it (DNS rebinding); the common browsers do not ask the network about names below `localhost`.
    static func namesLoopback(_ authority: String?, listeningOn host: String) -> Bool {
        guard let authority else { return false }
        var name = authority.lowercased()
        if let colon = name.lastIndex(of: ":"), !name[colon...].contains("]") { name = String(name[..<colon]) }
        name = name.trimmingCharacters(in: ["[", "]"])
        return name == host.lowercased() || name.hasSuffix(".localhost") || LoopbackAddress.contains(name)
    }

    /// Whether the browser reaches us through https, by way of a proxy.
    static func isSecure(_ request: Request) -> Bool {
        request.headers.value("x-forwarded-proto")?.lowercased() == "https"
    }
}

extension HTTPFields {
    /// The first header of this name, which is in lower case.
    func value(_ name: String) -> String? { first { $0.name.canonicalName == name }?.value }
}
