import Foundation

/// What proves that a request to a receiver comes from Iterable. Times of comparisons depend on what is given only, never on what
/// is right.
package struct ReceiverCredentials: Sendable {
    /// One credential in the forms in which it may come.
    private enum Expected: Sendable {
        /// The token, and its base64 without padding.
        case token([UInt8], base64: [UInt8])
        case header(name: String, value: [UInt8])
    }

    private let expected: [Expected]

    package init(_ credentials: [ReceiverSettings.Credential]) {
        expected = credentials.map { credential in
            switch credential {
            case .token(let secret):
                let token = Array(secret.reveal().trimmingBlanks.utf8)
                let base64 = Data(token).base64EncodedString()
                return .token(token, base64: Array(base64.utf8.prefix { $0 != UInt8(ascii: "=") }))
            case .header(let name, let secret):
                return .header(name: name, value: Array(secret.reveal().trimmingBlanks.utf8))
            }
        }
    }

    /// Whether no request needs any.
    package var isEmpty: Bool { expected.isEmpty }

    /// Whether one of them is among the headers: a token bare, `Basic TOKEN`, `Basic base64(TOKEN)` or `OAuth2 TOKEN` as
    /// `Authorization`, the scheme in any case; or the header that was agreed. A header that comes more than once proves nothing.
    /// - Parameter headers: names in lower case.
    package func accepts(_ headers: [(name: String, value: String)]) -> Bool {
        let authorization = Self.value(of: "authorization", in: headers)
        var isAccepted = false
        // All of them, whichever fits.
        for credential in expected {
            let fits =
                switch credential {
                case .token(let token, let base64): Self.fits(authorization, token, base64: base64)
                case .header(let name, let value): Self.areEqual(Self.value(of: name, in: headers), value)
                }
            isAccepted = fits || isAccepted
        }
        return isAccepted
    }

    private static func fits(_ given: [UInt8], _ token: [UInt8], base64: [UInt8]) -> Bool {
        let isBare = areEqual(given, token)
        let basic = parameter(of: "basic", in: given)
        let isBasic = areEqual(basic, token)
        let unpadded = Array(basic[..<(basic.lastIndex { $0 != UInt8(ascii: "=") }.map { $0 + 1 } ?? 0)])
        let isEncoded = areEqual(unpadded, base64)
        let isOAuth2 = areEqual(parameter(of: "oauth2", in: given), token)
        return isBare || isBasic || isEncoded || isOAuth2
    }

    /// What follows the scheme and blanks; empty where the scheme is another.
    private static func parameter(of scheme: StaticString, in given: [UInt8]) -> [UInt8] {
        let length = scheme.utf8CodeUnitCount
        guard given.count > length, given[length] == UInt8(ascii: " ") || given[length] == UInt8(ascii: "\t") else {
            return []
        }
        for index in 0..<length where given[index] | 0x20 != scheme.utf8Start[index] | 0x20 { return [] }
        return Array(given[length...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
    }

    /// The trimmed value of a header that comes once; else empty.
    private static func value(of name: String, in headers: [(name: String, value: String)]) -> [UInt8] {
        let values = headers.filter { $0.name == name }
        return values.count == 1 ? Array(values[0].value.trimmingBlanks.utf8) : []
    }

    /// Looks at as many bytes as were given; false where either is empty.
    private static func areEqual(_ given: [UInt8], _ expected: [UInt8]) -> Bool {
        guard !given.isEmpty, !expected.isEmpty else { return false }
        var difference = given.count ^ expected.count
        for index in given.indices { difference |= Int(given[index] ^ expected[index % expected.count]) }
        return difference == 0
    }
}

/// Requests to a receiver that needs no credentials.
package enum UnprotectedReceiver {
    /// Whether a request can only have been made by a program of this machine: it went through no proxy, was sent to a loopback
    /// name, which a web page under another name cannot do ("DNS rebinding", OWASP), and no browser says that a page made it (the Fetch
    /// standard, `Origin`; Fetch Metadata, `Sec-Fetch-Site`): pages may post anything to any address.
    /// - Parameter headers: names in lower case.
    package static func accepts(_ headers: [(name: String, value: String)]) -> Bool {
        let hasProxy = headers.contains { header in
            ["forwarded", "x-real-ip", "via"].contains(header.name) || header.name.hasPrefix("x-forwarded-")
        }
        let hosts = headers.filter { $0.name == "host" }
        let isFromPage = headers.contains { header in
            header.name == "origin"
                || header.name == "sec-fetch-site" && header.value.trimmingBlanks.lowercased() != "none"
        }
        guard !hasProxy, !isFromPage, hosts.count == 1 else { return false }
        return LoopbackAddress.contains(name(ofHost: hosts[0].value))
    }

    private static func name(ofHost host: String) -> String {
        let host = host.trimmingBlanks
        guard let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") else { return String(host) }
        let port = host[host.index(after: colon)...]
        return port.utf8.allSatisfy { (48...57).contains($0) } ? String(host[..<colon]) : String(host)
    }
}
