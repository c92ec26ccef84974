import RollcallCore

/// The address of a destination, taken apart strictly: what is not plainly an http(s) address is refused.
struct BaseAddress: Equatable {
    var scheme: String
    /// Lower case, without brackets.
    var host: String
    /// The address without trailing slashes.
    var text: String

    struct Refusal: Error, Equatable {
        var reason: String
        var hint: String?
    }

    var isLoopback: Bool { LoopbackAddress.contains(host) }

    init(_ text: String) throws(Refusal) {
        guard let end = text.firstRange(of: "://"),
            ["http", "https"].contains(text[..<end.lowerBound].lowercased())
        else { throw Refusal(reason: "is no http or https address", hint: nil) }
        let rest = text[end.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest[authority.endIndex...]
        if authority.contains("@") {
            throw Refusal(
                reason: "carries a user or a password", hint: "Take it out; the key goes into api_key.")
        }
        if path.contains("?") { throw Refusal(reason: "has a query", hint: "Leave out everything from \"?\" on.") }
        if path.contains("#") { throw Refusal(reason: "has a fragment", hint: "Leave out everything from \"#\" on.") }
        guard path.wholeMatch(of: /(\/[A-Za-z0-9._~%-]*)*/) != nil,
            let match = authority.wholeMatch(of: /(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?/),
            match.output.2.map({ Int($0).map { (1...65535).contains($0) } ?? false }) ?? true
        else { throw Refusal(reason: "is no http or https address", hint: nil) }
        scheme = text[..<end.lowerBound].lowercased()
        host = match.output.1.filter { $0 != "[" && $0 != "]" }.lowercased()
        var trimmed = path
        while trimmed.last == "/" { trimmed.removeLast() }
        if trimmed.hasSuffix("/api") {
            throw Refusal(
                reason: "ends in /api", hint: "Leave it out: every path of Iterable's API begins with /api already.")
        }
        // The scheme's own port need not be said: with it and without it, it is one address.
        let port = match.output.2.map { ":\($0)" } ?? ""
        let isDefault = port == (scheme == "https" ? ":443" : ":80")
        let place = isDefault ? authority.dropLast(port.count) : authority
        self.text = "\(scheme)://\(place.lowercased())\(trimmed)"
    }
}
