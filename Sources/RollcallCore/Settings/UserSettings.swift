/// What becomes of a field in Iterable where the row has no value for it.
package enum NullRule: String, Sendable, Hashable, CaseIterable {
    /// It is cleared if this sync has put a value there; what another system wrote stays.
    case clear
    /// It stays as it is.
    case skip
    /// It is cleared, whoever wrote it, whenever the record is sent.
    case always
}

/// The profiles that a sync keeps.
package struct UserSettings: Sendable, Equatable {
    package enum Mode: String, Sendable, CaseIterable {
        /// People whom Iterable does not know get a profile.
        case upsert
        /// Only people whom Iterable knows are sent.
        case update
    }

    package enum Nested: String, Sendable, CaseIterable {
        /// An object is sent whole, and is in Iterable what the row says.
        case replace
        /// The members of an object are sent, and its other members stay. Iterable merges one level only
        /// (source: Iterable's API description, `mergeNestedObjects`).
        case merge
    }

    package enum NewFields: String, Sendable, CaseIterable {
        /// A field that the project does not have fails the run before anything is sent.
        case refuse
        /// Fields that the project does not have are made, after a trial with the fewest records.
        case create
    }

    package enum Leaving: String, Sendable, CaseIterable {
        /// The profile stays as it is.
        case keep
        /// What this sync has written there is cleared; everything else stays.
        case clear
        /// The profile is deleted.
        case delete
    }

    package enum IdentityChanges: String, Sendable, CaseIterable {
        /// Email projects: the profile gets the new address, by a separate request. Elsewhere an address is a field like any other.
        case rename
        /// A record whose identifier changed fails; nothing of it is sent.
        case refuse
    }

    /// Fields of one project's profiles, nested ones included (source: Iterable's help centre, article 208183076).
    package static let mostFields = 1000

    /// Columns that name a row for ever; empty: the identifier does, the userId before the email.
    package var key: [String] = []
    package var mode = Mode.upsert
    /// Whether Iterable finds people by their userId although the project is of type email. Only with ``Mode/update``: it makes
    /// no profile for a userId that it does not know (source: Iterable's API description, `preferUserId`).
    package var updatesByUserID = false
    package var fields: FieldSelection
    /// Of fields that do not say otherwise.
    package var nulls = NullRule.clear
    package var nested = Nested.replace
    package var newFields = NewFields.refuse
    package var duplicates = DuplicateRule.refuse
    package var onLeave = Leaving.keep
    package var identityChanges = IdentityChanges.rename
    /// Of a stream: the column by which rows that are new or have changed are found.
    package var cursor: EventSettings.Cursor?

    package init(fields: FieldSelection) { self.fields = fields }
}

extension UserSettings {
    /// By what Iterable finds the people of a sync in a project of this type, and the settings that say so.
    package func finding(in project: ProjectType, _ mapping: ColumnMapping) -> (UserSettings, ProjectType) {
        var settings = self
        settings.updatesByUserID =
            project == .email && mode == .update && mapping.email == nil && mapping.userID != nil
        return (settings, settings.updatesByUserID ? .userID : project)
    }

    /// Whether a person is looked up in Iterable before the first request for them.
    package var looksUp: Bool { mode == .update && !updatesByUserID }

    /// Fields of a profile that Iterable keeps by itself, and that are not to be sent; objects with all their members (source:
    /// its help centre, article 217744303). Names are case-sensitive there.
    package static let managedFields: Set<String> = [
        "emailListIds", "userListIds", "itblInternal", "itblDS", "itblUserId", "profileUpdatedAt", "signupSource",
        "signupDate", "subscribedMessageTypeIds", "unsubscribedChannelIds", "unsubscribedMessageTypeIds",
        "receivedSMSDisclaimer", "createdAt", "devices", "phoneNumberDetails",
    ]

    /// The names between the dots of a field's name, outermost first; never empty.
    package static func path(of name: String) -> [String] {
        // By Unicode scalars: to Swift, a dot with a combining mark after it is another character.
        name.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
    }
}
