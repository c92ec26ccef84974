internal import RollcallCore

/// Reads `mapping`, and judges it and its neighbours by the type of the project.
///
/// Source of the rules: Iterable's documentation on project types, and on `preferUserId` and
/// `updateExistingUsersOnly` of `POST /api/lists/subscribe`.
enum IdentifierReader {
    /// Without a project type (the destination is missing or wrong) only the columns' names are checked.
    static func read(
        _ sync: SectionReader, projectType: ProjectType?, placeholderEmails: Bool, identity: SectionReader?,
        warehouse: WarehouseType?
    ) -> ColumnMapping {
        let reader = sync.section(SyncKeys.mapping)
        let mapping = columns(reader, warehouse: warehouse)
        guard let projectType else { return mapping }
        checkOptions(sync, projectType: projectType, placeholderEmails: placeholderEmails)
        if let identity { checkIdentity(identity, projectType: projectType) }
        guard let reader else { return mapping }
        switch projectType {
        case .email: checkEmailProject(reader, placeholderEmails: placeholderEmails)
        case .userID:
            if reader.has(MappingKeys.email) {
                reader.report(
                    at: MappingKeys.email, "\(reader.path) maps email, but the project is of type user_id",
                    expected: "user_id alone", hint: "Projects of type user_id know people by their userId only.")
            }
        case .hybrid: break
        }
        return mapping
    }

    /// The mapping of users and events: beside what the project knows people by, the other identifier may stand too. Of
    /// users it is sent with the profile. Events, and users with mode: update, make no profiles in email projects: a userId alone
    /// may name a person.
    /// - Parameter target: what the sync keeps; nil: that is wrong.
    static func readRecords(
        _ sync: SectionReader, _ target: SyncTarget?, projectType: ProjectType?, warehouse: WarehouseType?
    ) -> ColumnMapping {
        let reader = sync.section(SyncKeys.mapping)
        let mapping = columns(reader, warehouse: warehouse)
        if let reader, let projectType {
            // Where the settings are wrong, nothing is said of what they might have allowed.
            let makesProfiles = if case .users(let users)? = target { users.mode == .upsert } else { false }
            checkRecords(reader, makesProfiles: makesProfiles, projectType: projectType)
        }
        return mapping
    }

    private static func checkRecords(_ reader: SectionReader, makesProfiles: Bool, projectType: ProjectType) {
        let mapsEmail = reader.has(MappingKeys.email)
        let mapsUserID = reader.has(MappingKeys.userID)
        if projectType == .email, makesProfiles, mapsUserID, !mapsEmail {
            reader.report(
                at: MappingKeys.userID, "\(reader.path) maps user_id alone, but the project is of type email",
                expected: "email, with or without user_id beside it",
                hint: "Map email: by user_id alone, Iterable would make up an address for everybody it does not know."
                    + " Or set mode: update, which leaves them out.")
        }
        if projectType == .userID, mapsEmail, !mapsUserID {
            reader.report(
                at: MappingKeys.email, "\(reader.path) maps email alone, but the project is of type user_id",
                expected: "user_id, with or without email beside it",
                hint: "Map user_id: projects of type user_id know people by it alone.")
        }
    }

    private static func checkEmailProject(_ reader: SectionReader, placeholderEmails: Bool) {
        let mapsUserID = reader.has(MappingKeys.userID)
        let mapsEmail = reader.has(MappingKeys.email)
        if mapsUserID, !placeholderEmails {
            reader.report(
                at: MappingKeys.userID, "\(reader.path) maps user_id, but the project is of type email",
                expected: "email alone",
                hint: "To let Iterable find people by user_id, and make up an address for those it does not know, set "
                    + "placeholder_emails: true in the sync and map user_id alone.")
        }
        if placeholderEmails, mapsEmail {
            reader.report(
                at: MappingKeys.email, "\(reader.path) maps email, but placeholder_emails is true",
                expected: "user_id alone",
                hint: "Placeholder addresses are for people known by user_id only: take email out, or set "
                    + "placeholder_emails: false.")
        }
    }

    private static func checkOptions(_ sync: SectionReader, projectType: ProjectType, placeholderEmails: Bool) {
        if placeholderEmails, projectType != .email {
            sync.report(
                at: SyncKeys.placeholderEmails,
                "\(sync.path(of: "placeholder_emails")) is true, but the project is of type \(projectType.rawValue)",
                expected: "false outside email projects",
                hint: "Map user_id instead; such a project knows people by it.")
        }
        if projectType == .email, sync.isTrue(SyncKeys.updateExistingUsersOnly) {
            sync.report(
                at: SyncKeys.updateExistingUsersOnly,
                "\(sync.path(of: "update_existing_users_only")) is true, but the project is of type email",
                expected: "false in email projects",
                hint: "Iterable does not honour it there: everybody unknown would be created all the same. Select only "
                    + "people whom Iterable knows in the audience itself.")
        }
    }

    private static func checkIdentity(_ identity: SectionReader, projectType: ProjectType) {
        guard projectType != .hybrid, identity.has(IdentityKeys.maxSharing) else { return }
        identity.report(
            at: IdentityKeys.maxSharing,
            "\(identity.path(of: "max_sharing")) is set, but the project is of type \(projectType.rawValue)",
            expected: "no such key outside hybrid projects",
            hint:
                "Only rows that carry two identifiers can share one of them with other people: take the key out."
        )
    }

    private static func columns(_ reader: SectionReader?, warehouse: WarehouseType?) -> ColumnMapping {
        guard let reader else { return ColumnMapping() }
        return ColumnMapping(
            email: column(MappingKeys.email, in: reader, warehouse: warehouse),
            userID: column(MappingKeys.userID, in: reader, warehouse: warehouse))
    }

    private static func column(
        _ key: ConfigurationKey, in reader: SectionReader, warehouse: WarehouseType?
    ) -> String? {
        guard let name = reader.text(key) else { return nil }
        // Postgres cuts longer names off in silence. Source: PostgreSQL documentation, "Identifiers and Key Words".
        if warehouse == .postgres, name.value.utf8.count > 63 {
            reader.reportWrong(key, name, "is longer than 63 bytes, the most that Postgres keeps of a name")
            return nil
        }
        return name.value
    }
}

extension SectionReader {
    /// Whether a key is there and says true; nothing is reported twice.
    func isTrue(_ key: ConfigurationKey) -> Bool { has(key) && boolean(key) == true }
}
