/// One request that changes something for one or more records, before it is written as JSON.
public enum DeliveryRequest: Sendable, Equatable {
    case list(ListRequest)
    case users(UsersRequest)
    case userRename(UserRename)
    case userDeletion(UserDeletion)
    case events(EventsRequest)
    case event(EventsRequest.Event)
    case catalog(CatalogRequest)

    /// What it does to each of its records.
    public var operation: Operation {
        switch self {
        case .list(let request): request.operation
        case .users(let request): request.operation
        case .userRename: .rename
        case .userDeletion: .delete
        case .events, .event: .track
        case .catalog(let request): request.operation
        }
    }

    /// How many records it is for.
    public var count: Int {
        switch self {
        case .list(let request): request.subscribers.count
        case .users(let request): request.people.count
        case .events(let request): request.events.count
        case .userRename, .userDeletion, .event: 1
        case .catalog(let request): request.items.count
        }
    }

    /// Whether what it is for was made so recently that Iterable may not know it yet (about a minute).
    public var targetIsNew: Bool {
        switch self {
        case .list(let request): request.listIsNew
        case .users, .userRename, .userDeletion, .events, .event: false
        case .catalog(let request): request.catalogIsNew
        }
    }

    /// Whether the same request may be sent again when what became of it is not known.
    public var mayBeRepeated: Bool { if case .userRename = self { false } else { true } }

    public var endpoint: Endpoint {
        switch (self, operation.direction) {
        case (.list, .put): .listSubscribe
        case (.list, .remove): .listUnsubscribe
        case (.users, _): .usersUpdate
        case (.userRename, _): .usersRename
        case (.userDeletion, _): .usersDelete
        case (.events, _): .eventsTrackBulk
        case (.event, _): .eventsTrack
        case (.catalog, .put): .catalogPut
        case (.catalog, .remove): .catalogDelete
        }
    }
}

/// A subscribe or unsubscribe request.
public struct ListRequest: Sendable, Equatable {
    public var listID: Int64
    public var operation: Operation
    /// At least one; no two that name the same identifier.
    public var subscribers: [Identity]
    /// Of a subscribe: the fields that are written to the profile of each of them, as JSON objects; nil: none. Empty: none of all.
    public var fields: [[UInt8]?]
    /// Sent only with subscribe and where the project type honours it.
    public var updateExistingUsersOnly: Bool
    /// Email projects with `placeholder_emails`: Iterable makes up an address for an unknown userId.
    public var preferUserID: Bool
    /// Whether the list was created so recently that Iterable may not know it yet.
    public var listIsNew: Bool

    public init(
        listID: Int64, operation: Operation, subscribers: [Identity], fields: [[UInt8]?] = [],
        updateExistingUsersOnly: Bool = false, preferUserID: Bool = false, listIsNew: Bool = false
    ) {
        self.listID = listID
        self.operation = operation
        self.subscribers = subscribers
        self.fields = fields
        self.updateExistingUsersOnly = updateExistingUsersOnly
        self.preferUserID = preferUserID
        self.listIsNew = listIsNew
    }
}

/// A request that puts items into a catalog, or deletes them. Iterable accepts it and carries it out later, for all of its
/// items or, as far as the answer tells, for none (source: Iterable's API description, `POST /api/catalogs/{name}/items`).
public struct CatalogRequest: Sendable, Equatable {
    public struct Item: Sendable, Equatable {
        /// 1 to 255 letters, digits and hyphens.
        public var id: String
        /// The document, a JSON object; empty where the item is deleted.
        public var document: [UInt8]

        public init(id: String, document: [UInt8] = []) {
            self.id = id
            self.document = document
        }
    }

    public var catalog: String
    public var operation: Operation
    /// At least one, at most 1000; no id twice.
    public var items: [Item]
    /// Whether fields that a document does not name stay as they are in an item that is there.
    public var keepsOtherFields: Bool
    /// Whether the catalog was created so recently that Iterable may not know it yet.
    public var catalogIsNew: Bool

    public init(
        catalog: String, operation: Operation, items: [Item], keepsOtherFields: Bool = false, catalogIsNew: Bool = false
    ) {
        self.catalog = catalog
        self.operation = operation
        self.items = items
        self.keepsOtherFields = keepsOtherFields
        self.catalogIsNew = catalogIsNew
    }
}

/// A request that makes or updates profiles (source: Iterable's API description, `POST /api/users/bulkUpdate`).
public struct UsersRequest: Sendable, Equatable {
    public struct Person: Sendable, Equatable {
        /// The identifiers that the object names.
        public var identity: Identity
        /// A JSON object: identifiers, `dataFields` and `mergeNestedObjects`.
        public var object: [UInt8]

        public init(identity: Identity, object: [UInt8]) {
            self.identity = identity
            self.object = object
        }
    }

    /// `update`, or `clear`: the objects have nothing but nulls then.
    public var operation: Operation
    /// At least one, at most 1000; no two that name the same identifier.
    public var people: [Person]
    /// Whether fields that the project does not have are made, for ever; else they are left out.
    public var createsNewFields: Bool

    public init(_ operation: Operation = .update, people: [Person], createsNewFields: Bool = false) {
        self.operation = operation
        self.people = people
        self.createsNewFields = createsNewFields
    }
}

/// A request that tracks events (source: Iterable's API description, `POST /api/events/trackBulk`). An event with an id that the
/// project has already replaces it.
public struct EventsRequest: Sendable, Equatable {
    public struct Event: Sendable, Equatable {
        /// The one identifier that the object names.
        public var identity: Identity
        public var name: String
        public var id: String
        /// A JSON object, as `POST /api/events/track` takes it.
        public var object: [UInt8]

        public init(identity: Identity, name: String, id: String, object: [UInt8]) {
            self.identity = identity
            self.name = name
            self.id = id
            self.object = object
        }
    }

    /// At least one, at most 1000; no id twice.
    public var events: [Event]

    public init(events: [Event]) { self.events = events }
}

/// A request that deletes a profile. Iterable accepts it and carries it out later
/// (source: Iterable's API description, `DELETE /api/users/{email}` and `/api/users/byUserId/{userId}`).
public enum UserDeletion: Sendable, Equatable {
    case email(String)
    /// Everybody who has the userId: in email projects that may be several.
    case userID(String)
}

/// A request that gives a profile of an email project another address
/// (source: Iterable's API description, `POST /api/users/updateEmail`). A repeat answers that the old address is not known.
public struct UserRename: Sendable, Equatable {
    public var email: String
    public var newEmail: String

    public init(email: String, newEmail: String) {
        self.email = email
        self.newEmail = newEmail
    }
}
