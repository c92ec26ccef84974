import Foundation

@testable import IterableProtocol
@testable import RollcallCore

/// Requests and answers that the tests of deliveries share.
enum Samples {
    static let now = Date(timeIntervalSince1970: 1_795_000_000)

    /// Two subscribers, each known by both identifiers.
    static func request(
        _ operation: RollcallCore.Operation = .subscribe, _ subscribers: [Identity]? = nil, listIsNew: Bool = false,
        updateExistingUsersOnly: Bool = false
    ) -> ListRequest {
        ListRequest(
            listID: 42, operation: operation, subscribers: subscribers ?? [anna, ben],
            updateExistingUsersOnly: updateExistingUsersOnly, listIsNew: listIsNew)
    }

    static let anna = Identity(email: "anna@example.com", userID: "u-1")
    static let ben = Identity(email: "ben@example.com", userID: "u-2")

    static func event(
        _ number: Int, _ name: String, email: String? = nil, userID: String? = nil
    ) -> EventsRequest.Event {
        EventsRequest.Event(
            identity: Identity(email: email, userID: userID), name: name, id: "rc-\(number)",
            object: Array("{\"id\":\"rc-\(number)\"}".utf8))
    }

    /// Two events of Anna, who is named by her address, two of Carl, who is named by his userId, and one of Ben.
    static let events = EventsRequest(events: [
        event(1, "order", email: "anna@example.com"), event(2, "visit", userID: "u-3"),
        event(3, "visit", email: "anna@example.com"), event(4, "order", userID: "u-3"),
        event(5, "order", email: "ben@example.com"),
    ])

    static func answer(_ status: Int, _ body: String = "", retryAfter: [String] = []) -> HTTPAnswer {
        HTTPAnswer(status: status, retryAfter: retryAfter, body: Array(body.utf8), now: now)
    }

    static func counts(_ successes: Int, _ failures: Int, _ rest: String = "") -> String {
        "{\"successCount\":\(successes),\"failCount\":\(failures)\(rest.isEmpty ? "" : ",")\(rest)}"
    }

    static func envelope(_ code: String, _ message: String = "text") -> String {
        "{\"msg\":\"\(message)\",\"code\":\"\(code)\",\"params\":null}"
    }
}

/// The shape of a ``DeliveryAnswer``, without its sentences.
enum Gist: Equatable {
    case answered([String])
    case ambiguous
    case refused(String)
    case retry(String, mayHaveBeenApplied: Bool)
    case rateLimited
    case listNotFound
    case stop(String)
    case withheld

    init(_ answer: DeliveryAnswer) {
        self =
            switch answer {
            case .answered(let outcomes, _, _): .answered(outcomes.map(Gist.word))
            case .ambiguous: .ambiguous
            case .refused(let reason), .mismatched(let reason, _): .refused(reason.code)
            case .retry(_, _, let applied, .rateLimit):
                applied ? .retry("limited", mayHaveBeenApplied: true) : .rateLimited
            case .retry(let reason, _, let applied, _): .retry(reason.code, mayHaveBeenApplied: applied)
            case .targetNotFound: .listNotFound
            case .stop(let error): .stop(error.code)
            case .withheld: .withheld
            }
    }

    /// `ok`, `failed not_found`, `rejected forgotten` …
    private static func word(_ outcome: RecordOutcome) -> String {
        switch outcome {
        case .succeeded: "ok"
        case .failed(let reason): "failed \(reason.code)"
        case .rejected(let reason): "rejected \(reason.code)"
        case .unknown(let reason): "unknown \(reason.code)"
        case .notAttempted(let reason): "not attempted \(reason.code)"
        case .waiting(let reason): "waiting \(reason.code)"
        }
    }
}

extension AnswerClassifier {
    static func classify(_ answer: HTTPAnswer, request: ListRequest) -> DeliveryAnswer {
        classify(answer, request: .list(request))
    }

    static func classify(failure: TransportFailure, request: ListRequest) -> DeliveryAnswer {
        classify(failure: failure, request: .list(request))
    }
}
