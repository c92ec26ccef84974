/// A failure that the sandbox produces on request: what happens, to which requests, and how often.
///
/// Faults act on requests that passed the key, size and rate checks, or on the events that are sent to the webhook. Their
/// text form is described by ``help``.
package struct Fault: Sendable, Equatable {
    /// What happens.
    package enum Kind: Sendable, Equatable {
        /// An answer with this status, 400 to 599, in the form that the API or its gateway gives it.
        case status(Int)
        /// The connection is closed without an answer, nothing is applied.
        case dropBefore
        /// The request is applied, then the connection is closed without an answer.
        case dropAfter
        /// Nothing happens for ``Fault/seconds``; then the request is applied and answered,
        /// or, with ``Fault/applies`` false, the connection is closed.
        case stall
        /// The connection is closed at once, and the request is applied ``Fault/seconds`` later.
        case lateApply
        /// 200 with the first half of the JSON answer.
        case truncated
        /// 200 with an HTML page.
        case html
        /// 200 with an empty body.
        case empty
        /// 200 with JSON whose members have the wrong types.
        case wrongTypes
        /// The answer of a request that takes effect, which this one never does.
        case acceptOnly
        /// The webhook gets an event twice.
        case duplicate
        /// The webhook gets an event after others that came later in the same request.
        case reorder
        /// The webhook never gets an event.
        case drop
        /// An event that the webhook answered with a 5xx status, or not at all, is sent again ``Fault/seconds`` later.
        case retryOn5xx
    }

    /// How often it happens.
    package enum Trigger: Sendable, Equatable {
        /// With this probability, 0 to 1, for each matching request.
        case probability(Double)
        /// For one matching request, counted from 1.
        case nth(Int)
    }

    /// Which requests match.
    package enum Target: Sendable, Equatable {
        case subscribe
        case unsubscribe
        /// Subscribe and unsubscribe.
        case listWrites
        /// Every call of the API.
        case any
        /// Calls whose path starts with this text.
        case pathPrefix(String)
        /// No call: the events that are sent to the webhook.
        case webhook

        /// Whether a request with this path matches.
        func matches(path: String) -> Bool {
            switch self {
            case .subscribe: path == "/api/lists/subscribe"
            case .unsubscribe: path == "/api/lists/unsubscribe"
            case .listWrites: path == "/api/lists/subscribe" || path == "/api/lists/unsubscribe"
            case .any: true
            case .pathPrefix(let prefix): path.hasPrefix(prefix)
            case .webhook: false
            }
        }
    }

    package var kind: Kind
    package var trigger: Trigger
    package var target: Target
    /// How many times it happens at most; nil is without end.
    package var limit: Int?
    /// For ``Kind/stall``, ``Kind/lateApply`` and ``Kind/retryOn5xx``: seconds until it goes on, 0 to 3600.
    package var seconds: Double
    /// Whether the request takes effect.
    package var applies: Bool
    /// For ``Kind/status(_:)``: value of a `Retry-After` header in seconds.
    package var retryAfterSeconds: Int?

    /// A fault with the defaults of its text form.
    ///
    /// - Parameters:
    ///   - target: kinds of the webhook have ``Target/webhook`` always.
    ///   - applies: Whether the request takes effect; nil takes the default of the kind. Kinds whose name says it
    ///     (``Kind/dropBefore``, ``Kind/dropAfter``, ``Kind/lateApply``) ignore the value.
    package init(
        _ kind: Kind, trigger: Trigger = .probability(1), target: Target = .listWrites, limit: Int? = nil,
        seconds: Double = 5, applies: Bool? = nil, retryAfterSeconds: Int? = nil
    ) {
        self.kind = kind
        self.trigger = trigger
        self.target = kind.concernsWebhook ? .webhook : target
        self.limit = limit
        self.seconds = seconds
        self.applies = kind.fixedEffect ?? applies ?? kind.usualEffect
        self.retryAfterSeconds = retryAfterSeconds
    }
}

extension Fault.Kind {
    /// Whether the request takes effect, for kinds that leave no choice.
    var fixedEffect: Bool? {
        switch self {
        case .dropBefore, .acceptOnly: false
        case .dropAfter, .lateApply, .duplicate, .reorder, .drop, .retryOn5xx: true
        default: nil
        }
    }

    /// Whether the request takes effect if nothing is said.
    var usualEffect: Bool {
        switch self {
        case .status, .dropBefore, .html, .empty, .acceptOnly: false
        case .dropAfter, .stall, .lateApply, .truncated, .wrongTypes, .duplicate, .reorder, .drop, .retryOn5xx: true
        }
    }

    /// Whether the kind waits.
    var waits: Bool { self == .stall || self == .lateApply || self == .retryOn5xx }

    /// Whether it acts on the events that are sent to the webhook, and not on the answers of the API.
    var concernsWebhook: Bool {
        switch self {
        case .duplicate, .reorder, .drop, .retryOn5xx: true
        default: false
        }
    }

    /// The name in the text form.
    var name: String {
        switch self {
        case .status(let status): String(status)
        case .dropBefore: "drop-before"
        case .dropAfter: "drop-after"
        case .stall: "stall"
        case .lateApply: "late-apply"
        case .truncated: "truncated"
        case .html: "html"
        case .empty: "empty"
        case .wrongTypes: "wrong-types"
        case .acceptOnly: "accept-only"
        case .duplicate: "duplicate"
        case .reorder: "reorder"
        case .drop: "drop"
        case .retryOn5xx: "retry-on-5xx"
        }
    }

    /// The kind with this name; nil for a name that is none.
    init?(name: String) {
        let named: [Fault.Kind] = [
            .dropBefore, .dropAfter, .stall, .lateApply, .truncated, .html, .empty, .wrongTypes, .acceptOnly,
            .duplicate, .reorder, .drop, .retryOn5xx,
        ]
        if let kind = named.first(where: { $0.name == name }) {
            self = kind
        } else if let status = Int(name), (400...599).contains(status), name.utf8.count == 3 {
            self = .status(status)
        } else {
            return nil
        }
    }
}
