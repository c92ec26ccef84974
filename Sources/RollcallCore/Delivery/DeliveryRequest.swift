/// One request that changes something for one or more records, before it is written as JSON.
package enum DeliveryRequest: Sendable, Equatable {
    case list(ListRequest)
    case users(UsersRequest)
    case userRename(UserRename)
    case userDeletion(UserDeletion)
    case events(EventsRequest)
    case event(EventsRequest.Event)
    case catalog(CatalogRequest)

    /// What it does to each of its records.
    package var operation: Operation {
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
    package var count: Int {
        switch self {
        case .list(let request): request.subscribers.count
        case .users(let request): request.people.count
        case .events(let request): request.events.count
        case .userRename, .userDeletion, .event: 1
        case .catalog(let request): request.items.count
        }
    }

    /// Whether what it is for was made so recently that Iterable may not know it yet (about a minute).
    package var targetIsNew: Bool {
        switch self {
        case .list(let request): request.listIsNew
        case .users, .userRename, .userDeletion, .events, .event: false
        case .catalog(let request): request.catalogIsNew
        }
    }

    /// Whether the same request may be sent again when what became of it is not known.
    package var mayBeRepeated: Bool { if case .userRename = self { false } else { true } }

    package var endpoint: Endpoint {
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
package struct ListRequest: Sendable, Equatable {
    package var listID: Int64
    package var operation: Operation
    /// At least one; no two that name the same identifier.
    package var subscribers: [Identity]
    /// Of a subscribe: the fields that are written to the profile of each of them, as JSON objects; nil: none. Empty: none of all.
    package var fields: [[UInt8]?]
    /// Sent only with subscribe and where the project type honours it.
    package var updateExistingUsersOnly: Bool
    /// Email projects with `placeholder_emails`: Iterable makes up an address for an unknown userId.
    package var preferUserID: Bool
    /// Whether the list was created so recently that Iterable may not know it yet.
    package var listIsNew: Bool

    package init(
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
package struct CatalogRequest: Sendable, Equatable {
    package struct Item: Sendable, Equatable {
        /// 1 to 255 letters, digits and hyphens.
        package var id: String
        /// The document, a JSON object; empty where the item is deleted.
        package var document: [UInt8]

        package init(id: String, document: [UInt8] = []) {
            self.id = id
            self.document = document
        }
    }

    package var catalog: String
    package var operation: Operation
    /// At least one, at most 1000; no id twice.
    package var items: [Item]
    /// Whether fields that a document does not name stay as they are in an item that is there.
    package var keepsOtherFields: Bool
    /// Whether the catalog was created so recently that Iterable may not know it yet.
    package var catalogIsNew: Bool

    package init(
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
package struct UsersRequest: Sendable, Equatable {
    package struct Person: Sendable, Equatable {
        /// The identifiers that the object names.
        package var identity: Identity
        /// A JSON object: identifiers, `dataFields` and `mergeNestedObjects`.
        package var object: [UInt8]

        package init(identity: Identity, object: [UInt8]) {
            self.identity = identity
            self.object = object
        }
    }

    /// `update`, or `clear`: the objects have nothing but nulls then.
    package var operation: Operation
    /// At least one, at most 1000; no two that name the same identifier.
    package var people: [Person]
    /// Whether fields that the project does not have are made, for ever; else they are left out.
    package var createsNewFields: Bool

    package init(_ operation: Operation = .update, people: [Person], createsNewFields: Bool = false) {
        self.operation = operation
        self.people = people
        self.createsNewFields = createsNewFields
    }
}

/// A request that tracks events (source: Iterable's API description, `POST /api/events/trackBulk`). An event with an id that the
/// project has already replaces it.
package struct EventsRequest: Sendable, Equatable {
    package struct Event: Sendable, Equatable {
        /// The one identifier that the object names.
        package var identity: Identity
        package var name: String
        package var id: String
        /// A JSON object, as `POST /api/events/track` takes it.
        package var object: [UInt8]

        package init(identity: Identity, name: String, id: String, object: [UInt8]) {
            self.identity = identity
            self.name = name
            self.id = id
            self.object = object
        }
    }

    /// At least one, at most 1000; no id twice.
    package var events: [Event]

    package init(events: [Event]) { self.events = events }
}

/// A request that deletes a profile. Iterable accepts it and carries it out later
/// (source: Iterable's API description, `DELETE /api/users/{email}` and `/api/users/byUserId/{userId}`).
package enum UserDeletion: Sendable, Equatable {
    case email(String)
    /// Everybody who has the userId: in email projects that may be several.
    case userID(String)
}

/// A request that gives a profile of an email project another address
/// (source: Iterable's API description, `POST /api/users/updateEmail`). A repeat answers that the old address is not known.
package struct UserRename: Sendable, Equatable {
    package var email: String
    package var newEmail: String
    /// Whether the row has another address by now: an earlier attempt got no answer, and it is only found out what became of it.
    package var isWithdrawn: Bool

    package init(email: String, newEmail: String, isWithdrawn: Bool = false) {
        self.email = email
        self.newEmail = newEmail
        self.isWithdrawn = isWithdrawn
    }
}
