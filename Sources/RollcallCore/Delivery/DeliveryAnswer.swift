/// One subscribe or unsubscribe request, before it is written as JSON.
public struct DeliveryRequest: Sendable, Equatable {
    public var listID: Int64
    public var operation: Operation
    /// At least one; no two that name the same identifier.
    public var subscribers: [Identity]
    /// Sent only with subscribe and where the project type honours it.
    public var updateExistingUsersOnly: Bool
    /// Email projects with `placeholder_emails`: Iterable makes up an address for an unknown userId.
    public var preferUserID: Bool
    /// Whether the list was created so recently that Iterable may not know it yet (about a minute).
    public var listIsNew: Bool

    public init(
        listID: Int64, operation: Operation, subscribers: [Identity], updateExistingUsersOnly: Bool = false,
        preferUserID: Bool = false, listIsNew: Bool = false
    ) {
        self.listID = listID
        self.operation = operation
        self.subscribers = subscribers
        self.updateExistingUsersOnly = updateExistingUsersOnly
        self.preferUserID = preferUserID
        self.listIsNew = listIsNew
    }
}

/// What one attempt at a ``DeliveryRequest`` means: not "what happened" but "who does what next".
public enum DeliveryAnswer: Sendable, Equatable {
    /// Every record's outcome is known: one per subscriber, in order, each `succeeded`, `failed` or `rejected`.
    case answered([RecordOutcome], httpStatus: Int)
    /// Answered with success, but failures are counted that no record can be matched to:
    /// split and send again, for both operations may be repeated.
    case ambiguous(FailureReason)
    /// The request was refused whole, for its size or for one bad record: split and send again.
    case refused(FailureReason)
    /// Try the same request again. `after`: the server's own wish. `mayHaveBeenApplied`: the request may have
    /// been carried out, or may still be.
    case retry(FailureReason, after: Duration?, mayHaveBeenApplied: Bool, rateLimited: Bool)
    /// The list does not exist (for a list just created: not yet, and the answer is `retry` instead).
    case listNotFound(RunError)
    /// Nothing more may be sent: the key is wrong or lacks the right.
    case stop(RunError)
    /// Not sent, because the caller's last look said no.
    case withheld
}

extension DeliveryAnswer {
    /// Whether the request may have been carried out, or may still be, for one of its records at least.
    public var mayHaveBeenApplied: Bool {
        switch self {
        case .answered, .ambiguous: true
        case .retry(_, _, let mayHaveBeenApplied, _): mayHaveBeenApplied
        case .refused, .listNotFound, .stop, .withheld: false
        }
    }
}

/// A list of the project, as `GET /api/lists` tells it.
public struct RemoteList: Sendable, Equatable {
    public var id: Int64
    public var name: String
    public var description: String?
    /// `Standard`, `Dynamic`, `Suppression`, `Internal`, or one that Iterable adds later. Only Standard lists can be kept.
    public var listType: String
    /// Milliseconds since 1970.
    public var createdAt: Int64?

    public init(id: Int64, name: String, description: String? = nil, listType: String, createdAt: Int64? = nil) {
        self.id = id
        self.name = name
        self.description = description
        self.listType = listType
        self.createdAt = createdAt
    }
}

/// Why a call other than a delivery did not give its answer.
public struct DestinationError: Error, Sendable, Equatable {
    public var error: RunError
    /// Whether the same call may succeed later.
    public var isTransient: Bool
    /// Whether the call may have been carried out all the same.
    public var mayHaveBeenApplied: Bool
    /// The server's own wish, if it had one.
    public var retryAfter: Duration?

    public init(error: RunError, isTransient: Bool, mayHaveBeenApplied: Bool = false, retryAfter: Duration? = nil) {
        self.error = error
        self.isTransient = isTransient
        self.mayHaveBeenApplied = mayHaveBeenApplied
        self.retryAfter = retryAfter
    }
}

/// The calls of a destination that the engine makes. One call is one request; retries, splitting and pacing are the
/// engine's. Implementations give up after the request's time-out and never throw secrets.
///
/// A call that changes something gets a last look, `mayStillSend`: it is asked once a connection stands, at the last moment
/// before the request leaves, and if it says no, nothing is sent. It returns at once and may be called on any thread.
public protocol Destination: Sendable {
    func lists() async throws(DestinationError) -> [RemoteList]
    /// Not idempotent: a call that may have been applied must be followed by ``lists()``, not by another call. Throws an
    /// error with the code `withheld` when the last look said no.
    func createList(
        name: String, description: String?, mayStillSend: @escaping @Sendable () -> Bool
    ) async throws(DestinationError) -> Int64
    /// Gives ``DeliveryAnswer/withheld`` when the last look said no.
    func deliver(_ request: DeliveryRequest, mayStillSend: @escaping @Sendable () -> Bool) async -> DeliveryAnswer
    /// Number of members, as far as Iterable has counted; lags by up to a minute; 5 calls a minute.
    func size(ofList id: Int64) async throws(DestinationError) -> Int
    /// Members by the preferred identifier, one call of `body` each; lags by up to a minute; 5 calls a minute.
    func members(
        ofList id: Int64, preferUserID: Bool, _ body: @Sendable (String) -> Void
    ) async throws(DestinationError)
}

extension Destination {
    /// As ``createList(name:description:mayStillSend:)``, sent in any case.
    public func createList(name: String, description: String?) async throws(DestinationError) -> Int64 {
        try await createList(name: name, description: description) { true }
    }

    /// As ``deliver(_:mayStillSend:)``, sent in any case.
    public func deliver(_ request: DeliveryRequest) async -> DeliveryAnswer { await deliver(request) { true } }
}
