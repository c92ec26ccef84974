import Receivers
import RollcallCore
import Warehouse

/// Something to know about a receiver, and what to do about it.
struct ReceiverFinding: PageView {
    /// The class of the note: `bad`, `warn`, or empty.
    var kind: String
    var isBad: Bool
    var message: String
    var hint: ProseView?

    init(_ kind: BadgeView.Kind, _ message: String, hint: String?) {
        self.kind = kind.rawValue
        isBad = kind == .bad
        self.message = message
        self.hint = hint.map { ProseView($0, limit: 500) }
    }

    /// - Parameter day: what became of the requests of the last 24 hours.
    static func all(_ status: ReceiverStatus, _ day: OutcomeTally) -> [ReceiverFinding] {
        [problem(status), spool(status), silence(status), openness(status)].compactMap(\.self)
            + ReceiverOutcome.allCases.compactMap { refusal($0, day[$0], status.settings) }
            + [userIDs(status)].compactMap(\.self)
    }

    private static func problem(_ status: ReceiverStatus) -> ReceiverFinding? {
        status.problem.map {
            ReceiverFinding(
                .bad, "The warehouse cannot be used: \(DisplayText.line($0.message, limit: 500))",
                hint: $0.hint)
        }
    }

    private static func spool(_ status: ReceiverStatus) -> ReceiverFinding? {
        ReceiverWords(status).spool.map {
            ReceiverFinding(
                .warn, "\($0), wait on disk.",
                hint: "They are stored in their order as soon as it takes them; nothing is lost meanwhile.")
        }
    }

    private static func silence(_ status: ReceiverStatus) -> ReceiverFinding? {
        guard ReceiverState(status) == .silent else { return nil }
        return ReceiverFinding(
            .warn, "No event has come for a while.",
            hint: "See in Iterable whether the webhook is switched on and messages are sent. \"rollcall check\" asks"
                + " it, \"rollcall receivers test\" posts to this address.")
    }

    private static func openness(_ status: ReceiverStatus) -> ReceiverFinding? {
        guard status.settings.credentials.isEmpty else { return nil }
        return ReceiverFinding(
            .calm, "No token is asked for: only programs on this machine may post.",
            hint: "Configure auth before Iterable is to reach it.")
    }

    private static func refusal(_ outcome: ReceiverOutcome, _ count: Int, _ settings: ReceiverSettings)
        -> ReceiverFinding?
    {
        guard count > 0, let (clause, hint) = clause(outcome, settings) else { return nil }
        let requests = DisplayText.count(count, "request")
        return ReceiverFinding(.warn, "In the last 24 hours \(requests) \(clause).", hint: hint)
    }

    /// What an error says, after "3 requests", and how to fix it; nil where there is nothing to fix.
    private static func clause(
        _ outcome: ReceiverOutcome, _ settings: ReceiverSettings
    ) -> (words: String, hint: String)? {
        switch outcome {
        case .unauthorized:
            let place = settings.allowFrom.isEmpty ? "" : ", or from an address that allow_from does not have"
            return (
                "came without a valid token\(place)",
                "The token in Iterable's webhook must be one of those in the receiver's auth, as it is typed there."
            )
        case .rejected:
            return ("had a body that is no JSON object", "They are listed below; Iterable itself sends JSON objects.")
        case .tooLarge: return ("had too large a body", "Raise server.max_body, and serve again.")
        case .unavailable:
            return (
                "could not be kept and were answered with 503, so that Iterable sends them again",
                "Bring the warehouse back; server.receiver_spool keeps events on disk while it is away."
            )
        case .stored, .repeated, .filtered, .withoutUser, .test: return nil
        }
    }

    private static func userIDs(_ status: ReceiverStatus) -> ReceiverFinding? {
        guard let summary = status.summary, summary.newest > 0, summary.newestWithUserID == 0 else { return nil }
        return ReceiverFinding(
            .calm, "None of the newest \(DisplayText.count(summary.newest, "event")) has a userId.",
            hint: "Where people have userIds, ask Iterable's support to switch them on for webhooks.")
    }
}

extension ReceiverOutcome {
    /// For people.
    var words: String {
        switch self {
        case .stored: "Stored"
        case .repeated: "Repeated, counted with the first"
        case .filtered: "Left out by name"
        case .withoutUser: "Left out without a userId"
        case .rejected: "No JSON object (400)"
        case .unauthorized: "No valid token or address (401, 403)"
        case .tooLarge: "Too large (413)"
        case .unavailable: "Could not be kept (503)"
        case .test: "Tests"
        }
    }
}

/// How Iterable is set up for a receiver to which nothing has come.
struct ReceiverSetupView: PageView {
    struct Step: PageView {
        var words: String
        /// What is typed.
        var code: String?
        /// What follows it.
        var rest = ""
    }

    var steps: [Step]

    init(_ settings: ReceiverSettings) {
        let name = DisplayText.safe(settings.name, limit: 80)
        steps = [
            Step(words: "In Iterable, open Integrations, then System Webhooks, and create one."),
            Step(
                words: "Its endpoint is", code: "https://YOUR-HOST\(DisplayText.safe(settings.path, limit: 200))",
                rest: " where YOUR-HOST is the name of a proxy that takes https and leads to server.receiver_listen."),
            Self.auth(settings.credentials),
            Step(words: "Choose the events it sends, and switch it on. A change takes effect after some minutes."),
            Step(words: "Try the way from this machine with", code: "rollcall receivers test \(name)", rest: "."),
        ]
    }

    private static func auth(_ credentials: [ReceiverSettings.Credential]) -> Step {
        for case .header(let header, _) in credentials where !credentials.contains(where: \.isToken) {
            return Step(
                words: "Add a custom header named", code: DisplayText.safe(header, limit: 80),
                rest: ", with the value that the receiver's auth has.")
        }
        return credentials.isEmpty
            ? Step(words: "Configure auth for the receiver: without it, only programs on this machine may post.")
            : Step(words: "Choose Basic or OAuth2 as its authentication, with the token that the receiver's auth has.")
    }
}

extension ReceiverSettings.Credential {
    fileprivate var isToken: Bool { if case .token = self { true } else { false } }
}
