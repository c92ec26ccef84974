import Foundation

/// Which addresses a webhook may have. Iterable wants https; a receiver on this machine may do without.
enum WebhookAddress {
    /// What is wrong with an address, in one sentence; nil when nothing is. The address itself, which may hold a secret, is not
    /// repeated.
    static func problem(_ text: String) -> String? {
        let isPlain = text.utf8.count <= 2000 && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        guard isPlain, let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
        else {
            return "The webhook's address must be a URL such as http://127.0.0.1:8430/webhooks/iterable."
        }
        if parts.user != nil || parts.password != nil || parts.fragment != nil {
            return "The webhook's address must have neither a user, nor a password, nor a fragment."
        }
        guard scheme == "https" || isLoopback(host) else {
            return "The webhook's address must begin with https:// unless its host is this machine (127.0.0.1)."
        }
        return nil
    }

    /// Whether a host is `localhost`, in 127.0.0.0/8, or ::1.
    private static func isLoopback(_ host: String) -> Bool {
        let name = host.lowercased().trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        if name == "localhost" || name == "::1" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.first == "127"
            && parts.allSatisfy { part in UInt8(part).map(String.init) == String(part) }
    }
}
