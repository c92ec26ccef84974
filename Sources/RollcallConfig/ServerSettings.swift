import RollcallCore

/// How `rollcall serve` listens, and who may ask.
package struct ServerSettings: Sendable, Equatable {
    package enum Role: String, Sendable, CaseIterable {
        /// Looks at everything.
        case read
        /// Starts, stops and approves runs too.
        case `operator`
    }

    package struct Token: Sendable, Equatable {
        package var name: String
        package var role: Role
        /// SHA-256 of the token, 64 hexadecimal digits in lower case.
        package var sha256: String

        package init(name: String, role: Role, sha256: String) {
            self.name = name
            self.role = role
            self.sha256 = sha256
        }
    }

    /// Host name or address, IPv6 without brackets.
    package var host = "127.0.0.1"
    /// 0 to 65535; 0 takes a free one.
    package var port = 8420
    package var tokens: [Token] = []

    package init() {}

    /// Whether the host is localhost, in 127.0.0.0/8, or ::1.
    package var isLoopback: Bool { LoopbackAddress.contains(host) }

    /// Takes `host:port` apart (`[::1]:8420` for IPv6); nil when it is none.
    package static func address(_ text: String) -> (host: String, port: Int)? {
        guard let match = text.wholeMatch(of: /(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})/),
            let port = Int(match.output.2), port <= 65535
        else { return nil }
        return (match.output.1.filter { $0 != "[" && $0 != "]" }, port)
    }
}
