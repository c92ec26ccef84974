/// A list of the project, as `GET /api/lists` tells it.
package struct RemoteList: Sendable, Equatable {
    package var id: Int64
    package var name: String
    package var description: String?
    /// `Standard`, `Dynamic`, `Suppression`, `Internal`, or one that Iterable adds later. Only Standard lists can be kept.
    package var listType: String
    /// Milliseconds since 1970.
    package var createdAt: Int64?

    package init(id: Int64, name: String, description: String? = nil, listType: String, createdAt: Int64? = nil) {
        self.id = id
        self.name = name
        self.description = description
        self.listType = listType
        self.createdAt = createdAt
    }
}

extension RemoteList {
    /// Whether it has this name, byte for byte: Iterable tells names apart that Swift's `==` takes for equal (an é of one
    /// character, and of two).
    package func isNamed(_ name: String) -> Bool { self.name.utf8.elementsEqual(name.utf8) }
}

/// Why a call other than a delivery did not give its answer.
package struct DestinationError: Error, Sendable, Equatable {
    package var error: RunError
    /// Whether the same call may succeed later.
    package var isTransient: Bool
    /// Whether the call may have been carried out all the same.
    package var mayHaveBeenApplied: Bool
    /// The delay that the server asked for (`Retry-After`), if it did.
    package var retryAfter: Duration?
    /// Whether the call was not sent because its last look said no.
    package var wasWithheld = false

    package init(error: RunError, isTransient: Bool, mayHaveBeenApplied: Bool = false, retryAfter: Duration? = nil) {
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
package protocol Destination: Sendable {
    /// What one delivery may carry.
    var bodyLimits: BodyLimits { get }
    func lists() async throws(DestinationError) -> [RemoteList]
    /// Not idempotent: a call that may have been applied must be followed by ``lists()``, not by another call. Throws an
    /// error that ``DestinationError/wasWithheld`` when the last look said no.
    func createList(
        name: String, description: String?, mayStillSend: @escaping @Sendable () -> Bool
    ) async throws(DestinationError) -> Int64
    /// The fields of the project's profiles, by name. Three calls a second.
    func profileFields() async throws(DestinationError) -> [RemoteField]
    /// The profile with this email or userId. A hundred calls a second.
    func profile(_ name: ProfileName) async throws(DestinationError) -> ProfileFinding
    /// The fields of a catalog; nil: the project has no such catalog.
    func fields(ofCatalog name: String) async throws(DestinationError) -> [RemoteField]?
    /// Makes an empty catalog. Fails where it is there already, so that a call that may have been applied is followed by
    /// ``fields(ofCatalog:)``.
    func createCatalog(_ name: String) async throws(DestinationError)
    /// Gives fields of a catalog the types that they are to have for ever. May be repeated.
    func setTypes(_ fields: [RemoteField], ofCatalog name: String) async throws(DestinationError)
    /// Reads an item back and compares it with its document as it was put. A hundred calls a second.
    /// - Parameter keepsOtherFields: whether fields that the document does not name may be there.
    func look(
        at item: CatalogRequest.Item, ofCatalog name: String, keepsOtherFields: Bool
    ) async throws(DestinationError) -> ItemFinding
    /// Gives ``DeliveryAnswer/withheld`` when the last look said no.
    func deliver(_ request: DeliveryRequest, mayStillSend: @escaping @Sendable () -> Bool) async -> DeliveryAnswer
    /// Members by the preferred identifier, one call of `body` each; lags by up to a minute; 5 calls a minute.
    func members(
        ofList id: Int64, preferUserID: Bool, _ body: @Sendable (String) -> Void
    ) async throws(DestinationError)
}

extension Destination {
    /// As ``createList(name:description:mayStillSend:)``, sent in any case.
    package func createList(name: String, description: String?) async throws(DestinationError) -> Int64 {
        try await createList(name: name, description: description) { true }
    }

    /// As ``deliver(_:mayStillSend:)``, sent in any case.
    package func deliver(_ request: DeliveryRequest) async -> DeliveryAnswer { await deliver(request) { true } }
}
