import Foundation

/// A request to the API, after the head was checked and the body was read.
struct APICall: Sendable {
    let method: String
    let path: String
    /// Parts of the path by name, without percent escapes.
    let parameters: [String: String]
    let query: [String: String]
    let body: Data

    /// A part of the path.
    func parameter(_ name: String) -> String { parameters[name] ?? "" }

    /// A query item that is a whole number.
    func integer(_ name: String) throws -> Int? {
        guard let text = query[name] else { return nil }
        guard let number = Int(text) else { throw badQuery(name, "an integer") }
        return number
    }

    /// A query item that is `true` or `false`; false when absent.
    func flag(_ name: String) throws -> Bool {
        switch query[name] {
        case nil, "false": false
        case "true": true
        default: throw badQuery(name, "true or false")
        }
    }

    /// The body as the endpoint wants it.
    func decode<Body: Decodable>(_ type: Body.Type) throws -> Body {
        do {
            return try decodeStrictly(type, from: body)
        } catch {
            throw Refusal(.badJSON(path, error))
        }
    }

    private func badQuery(_ name: String, _ expected: String) -> Refusal {
        Refusal(.badParams("Query parameter \(name) must be \(expected)"))
    }
}

/// A request that was understood and waits to take effect.
struct PreparedCall: Sendable {
    /// Rows of a bulk request.
    var rowCount: Int?
    /// Who is being changed where.
    var keys: Set<InFlightKey> = []
    /// Applies the request and answers it. Throws ``Refusal``.
    let apply: @Sendable (inout SandboxState, Moment) throws -> Reply
}

/// Which limit an endpoint has.
enum EndpointLimit: Sendable {
    case none
    /// Subscribe and unsubscribe: as the options say.
    case listWrites
    /// Reading a list: 5 a minute, unless switched off.
    case listReads
    /// The documented number per second, unless switched off.
    case perSecond(Double)

    func rate(_ options: SandboxOptions) -> RateLimit? {
        switch self {
        case .none: nil
        case .listWrites: options.requestsPerSecond.map(RateLimit.perSecond)
        case .listReads: options.readRateLimits ? .perMinute(5) : nil
        case .perSecond(let count): options.documentedRateLimits ? .perSecond(count) : nil
        }
    }
}

/// One route of the API.
struct Endpoint: Sendable {
    let method: String
    /// Path with `:name` for its variable parts.
    let path: String
    let limit: EndpointLimit
    /// Understands a request without touching the state. Throws ``Refusal``.
    let prepare: @Sendable (APICall) throws -> PreparedCall

    /// Name in counts and logs.
    var name: String { "\(method) \(path)" }

    init(
        _ method: String, _ path: String, limit: EndpointLimit = .none,
        prepare: @escaping @Sendable (APICall) throws -> PreparedCall
    ) {
        self.method = method
        self.path = path
        self.limit = limit
        self.prepare = prepare
    }

    /// A route without a body.
    static func plain(
        _ method: String, _ path: String, limit: EndpointLimit = .none,
        apply: @escaping @Sendable (APICall, inout SandboxState, Moment) throws -> Reply
    ) -> Endpoint {
        Endpoint(method, path, limit: limit) { call in
            PreparedCall { state, moment in try apply(call, &state, moment) }
        }
    }

    /// A route with a JSON body.
    static func decoding<Body: Decodable & Sendable>(
        _ type: Body.Type, _ method: String, _ path: String, limit: EndpointLimit = .none,
        apply: @escaping @Sendable (Body, APICall, inout SandboxState, Moment) throws -> Reply
    ) -> Endpoint {
        Endpoint(method, path, limit: limit) { call in
            let body = try call.decode(type)
            return PreparedCall { state, moment in try apply(body, call, &state, moment) }
        }
    }
}
