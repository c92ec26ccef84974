internal import RollcallCore

/// Reads one entry of `syncs`, with the warehouses and destinations it may refer to.
struct SyncReader {
    /// A sync as far as it is right.
    struct Draft {
        var name: String
        var position: Position
        var kind: RecordKind?
        var warehouse: String?
        var destination: String?
        /// What is kept, and where the file says so.
        var kept: (target: SyncTarget, position: Position)?
        /// The sync of users that has to have had a person acknowledged before the person's events are sent.
        var after: Located<String>?
        var settings: SyncSettings?
    }

    let warehouseNames: [String]
    let warehouses: [String: WarehouseReader.Draft]
    let destinationNames: [String]
    let destinations: [String: DestinationReader.Draft]

    func read(_ reader: SectionReader, name: String) -> Draft {
        let warehouse = reader.reference(SyncKeys.warehouse, to: warehouseNames, what: "warehouse")
        let destination = reader.reference(SyncKeys.destination, to: destinationNames, what: "destination")
        let target = destination.flatMap { destinations[$0] }
        let type = warehouse.flatMap { warehouses[$0]?.type }
        // Without a kind nothing can be said about the other keys.
        guard let kind = kind(reader) else { return Draft(name: name, position: reader.position) }
        reader.refuseKeys(beyond: kind.rawValue, what: "sync", hints: hints(reader, kind))
        var read = ReadSetting.all
        let source = source(reader, kind, type, &read)
        let options = Options(reader, kind, warehouse: type)
        var draft = Draft(
            name: name, position: reader.position, kind: kind, warehouse: warehouse, destination: destination)
        switch kind {
        case .list:
            draft.kept = list(reader, prefix: target?.listNamePrefix).map { (.list($0.target), $0.position) }
        case .users:
            draft.kept = UsersReader.read(reader).map { (.users($0), reader.position(of: SyncKeys.kind)) }
        case .events:
            draft.kept = EventsReader.read(reader, name: name).map { (.events($0.settings), $0.position) }
            draft.after = reader.text(EventSyncKeys.after)
        case .catalog:
            draft.kept = CatalogReader.read(reader, warehouse: type).map {
                (.catalog($0), reader.position(of: RecordKeys.catalog))
            }
        }
        let memberFields = kind == .list ? MemberFieldReader.read(reader) : nil
        let identifiers = identifiers(
            reader, kind, draft.kept?.target, options, projectType: target?.projectType, warehouse: type)
        guard let warehouse, let destination, let source, let kept = draft.kept?.target else { return draft }
        var settings = SyncSettings(
            name: name, warehouse: warehouse, destination: destination, audience: source, target: kept)
        settings.read = read
        settings.mapping = identifiers
        settings.memberFields = memberFields
        UsersReader.checkLeaving(reader, settings, target?.projectType)
        options.apply(to: &settings)
        draft.settings = settings
        return draft
    }

    /// What to do about keys of other kinds, where it is not only to take them out.
    private func hints(_ reader: SectionReader, _ kind: RecordKind) -> [String: String] {
        var hints: [String: String] = [:]
        if !reader.has(SyncKeys.source) { hints[SyncKeys.audience.name] = "Write source in its place." }
        if kind == .list { hints.merge(Self.hintsOfLists) { _, own in own } }
        if kind == .events { hints[RecordKeys.nulls.name] = FieldReader.nullsOfEvents }
        return hints
    }

    private static let hintsOfLists = [
        EventSyncKeys.stream.name: "Lists are not streamed: use schedule.",
        RecordKeys.newFields.name:
            "Subscribing makes no fields in Iterable: make them there, or with a sync of kind: users. Take the key out.",
        RecordKeys.nested.name: "With the members of a list, objects are sent whole. Take the key out.",
    ]

    private func list(_ reader: SectionReader, prefix: String?) -> ListReader.Draft? {
        guard reader.require(SyncKeys.list) else { return nil }
        return reader.section(
            SyncKeys.list, hint: "Write the name below: list:, then name: … on the next line."
        ).flatMap { ListReader.read($0, prefix: prefix) }
    }

    private func identifiers(
        _ reader: SectionReader, _ kind: RecordKind, _ kept: SyncTarget?, _ options: Options,
        projectType: ProjectType?, warehouse: WarehouseType?
    ) -> ColumnMapping {
        switch kind {
        case .list:
            IdentifierReader.read(
                reader, projectType: projectType, placeholderEmails: options.placeholderEmails ?? false,
                identity: options.identitySection, warehouse: warehouse)
        case .users, .events:
            IdentifierReader.readRecords(reader, kept, projectType: projectType, warehouse: warehouse)
        case .catalog: ColumnMapping()
        }
    }

    private func kind(_ reader: SectionReader) -> RecordKind? {
        reader.has(SyncKeys.kind) ? reader.choice(SyncKeys.kind, of: RecordKind.self)?.value : .list
    }

    /// - Parameter read: set to how the rows are read.
    private func source(
        _ reader: SectionReader, _ kind: RecordKind, _ type: WarehouseType?, _ read: inout ReadSetting
    ) -> AudienceSource? {
        if kind == .list, reader.has(SyncKeys.audience), reader.has(SyncKeys.source) {
            reader.report(
                at: SyncKeys.source, "\(reader.path) gives audience and source, which are two words for one thing",
                hint: "Keep one of them.")
            return nil
        }
        // That it is no key of this kind has been reported.
        if kind != .list, reader.has(SyncKeys.audience), !reader.has(SyncKeys.source) { return nil }
        let usual = kind == .list ? SyncKeys.audience : SyncKeys.source
        let key = reader.has(SyncKeys.source) ? SyncKeys.source : usual
        guard reader.require(key) else { return nil }
        guard let section = reader.section(key, hint: Self.sourceHint, isRequired: true) else { return nil }
        read = AudienceReader.readSetting(
            section, kind, hasCursor: reader.has(EventSyncKeys.cursor), warehouse: type)
        return AudienceReader.read(section, warehouse: type)
    }

    private static let sourceHint = "Write below it one of table: …, query: … and query_file: …"
}

extension SyncReader {
    /// The keys of a sync that stand by themselves.
    struct Options {
        var enabled: Bool?
        var updateExistingUsersOnly: Bool?
        var placeholderEmails: Bool?
        /// The section `identity`, for the type of the project to judge.
        var identitySection: SectionReader?
        var identity = IdentitySettings()
        var schedule: ScheduleSettings?
        /// Not of lists.
        var stream: StreamSettings?
        var guards = GuardSettings()
        var logs = LogSettings()

        /// - Parameter warehouse: its type; nil: not known.
        init(_ reader: SectionReader, _ kind: RecordKind, warehouse: WarehouseType?) {
            enabled = reader.boolean(SyncKeys.enabled)
            updateExistingUsersOnly = reader.boolean(SyncKeys.updateExistingUsersOnly)
            placeholderEmails = reader.boolean(SyncKeys.placeholderEmails)
            identitySection = reader.section(SyncKeys.identity)
            if let sharing = identitySection?.integer(IdentityKeys.maxSharing) {
                identity.maxSharing = Int(sharing)
            }
            schedule = reader.section(
                SyncKeys.schedule, hint: "Write it below: schedule:, then every: 30m on the next line."
            ).flatMap(ScheduleReader.read)
            if kind != .list { stream = StreamReader.read(reader, kind, warehouse: warehouse) }
            guards = GuardReader.defaults(kind)
            if let section = reader.section(SyncKeys.guards) { guards = GuardReader.read(section, kind) }
            if let section = reader.section(SyncKeys.logs) { logs = LogReader.read(section) }
        }

        func apply(to settings: inout SyncSettings) {
            if let enabled { settings.enabled = enabled }
            if let updateExistingUsersOnly { settings.updateExistingUsersOnly = updateExistingUsersOnly }
            if let placeholderEmails { settings.placeholderEmails = placeholderEmails }
            settings.identity = identity
            settings.schedule = schedule
            settings.stream = stream
            settings.guards = guards
            settings.logs = logs
        }
    }
}

/// Reads `logs`.
enum LogReader {
    static func read(_ reader: SectionReader) -> LogSettings {
        var logs = LogSettings()
        if let retain = reader.boolean(LogKeys.retain) { logs.retain = retain }
        if let days = reader.integer(LogKeys.retentionDays) { logs.retentionDays = Int(days) }
        let records = reader.choice(LogKeys.records, of: LogSettings.Records.self) { word in
            ["failed", "failure", "errors"].contains(word.lowercased()) ? "failures" : nil
        }
        if let records { logs.records = records.value }
        if let identifiers = reader.choice(LogKeys.identifiers, of: LogSettings.Identifiers.self) {
            logs.identifiers = identifiers.value
        }
        return logs
    }
}
