internal import RollcallCore

/// Reads what a sync says of the events it sends.
enum EventsReader {
    struct Draft {
        var settings: EventSettings
        /// Where the file says what derived ids are made of.
        var position: Position
    }

    /// - Parameter name: of the sync.
    static func read(_ sync: SectionReader, name: String) -> Draft? {
        let event = event(sync)
        let described = event.flatMap { EventReader.read($0, sync: name) }
        let key = KeyReader.columns(sync, .events)
        let fields = FieldReader.selection(sync, .events)
        var settings = described ?? EventSettings(key: [], name: .constant(name), namespace: name)
        readRules(sync, &settings)
        if let event { checkStart(settings, event, sync) }
        guard let event, described != nil, let key, let fields else { return nil }
        settings.key = key
        settings.fields = fields
        return Draft(settings: settings, position: event.position(of: EventKeys.namespace))
    }

    private static func event(_ sync: SectionReader) -> SectionReader? {
        guard sync.require(EventSyncKeys.event) else { return nil }
        return sync.section(
            EventSyncKeys.event, hint: "Write the name below: event:, then name: { value: … } on the next line.")
    }

    private static func readRules(_ sync: SectionReader, _ settings: inout EventSettings) {
        if let rule = sync.choice(RecordKeys.newFields, of: UserSettings.NewFields.self) {
            settings.newFields = rule.value
        }
        if let start = StartReader.read(sync) { settings.start = start }
        settings.cursor = CursorReader.read(sync)
        if let rule = sync.choice(EventSyncKeys.changedRows, of: EventSettings.ChangedRows.self) {
            settings.changedRows = rule.value
        }
        settings.after = sync.text(EventSyncKeys.after)?.value
        if let seconds = sync.span(EventSyncKeys.waitForUser) { settings.waitForUserSeconds = seconds }
        if let delivery = sync.choice(EventSyncKeys.delivery, of: EventSettings.Delivery.self) {
            settings.delivery = delivery.value
        }
    }

    /// A time from which on rows are sent needs something in the rows to be compared with.
    private static func checkStart(_ settings: EventSettings, _ event: SectionReader, _ sync: SectionReader) {
        switch settings.start {
        case .now, .all: return
        case .time, .last: break
        }
        if event.isMeant(EventKeys.createdAt) || sync.isMeant(EventSyncKeys.cursor) { return }
        sync.report(
            at: EventSyncKeys.start, "\(sync.path(of: "start")) is a time, and the rows have none to compare it with",
            expected: "event.created_at or cursor beside it", hint: "Map event.created_at, or write now or all.")
    }
}
