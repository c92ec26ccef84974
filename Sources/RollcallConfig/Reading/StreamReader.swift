internal import RollcallCore

/// Reads `stream`, and judges what stands beside it.
enum StreamReader {
    /// nil: the sync is not streamed, or what stands there is wrong, which is reported.
    /// - Parameters:
    ///   - sync: of a kind that may be streamed.
    ///   - kind: its kind.
    ///   - warehouse: the type of its warehouse; nil: not known.
    static func read(_ sync: SectionReader, _ kind: RecordKind, warehouse: WarehouseType?) -> StreamSettings? {
        guard sync.has(EventSyncKeys.stream), !sync.isEmpty(EventSyncKeys.stream) else {
            if sync.has(EventSyncKeys.stream) { warnOfNone(sync) } else { warnOfCursor(sync, kind) }
            return nil
        }
        checkNeighbours(sync)
        guard let section = sync.section(EventSyncKeys.stream, hint: "Write stream: {} for one with the defaults.")
        else { return nil }
        var settings = StreamSettings()
        if let seconds = section.span(StreamKeys.poll) { settings.pollSeconds = Double(seconds) }
        if let seconds = section.span(StreamKeys.linger) { settings.lingerSeconds = Double(seconds) }
        settings.wake = wake(section, warehouse)
        return settings
    }

    /// A section left empty counts as left out; of this one, which may well have nothing in it, that may not be meant.
    private static func warnOfNone(_ sync: SectionReader) {
        sync.context.warn(
            at: sync.position(of: EventSyncKeys.stream), path: sync.path(of: "stream"),
            "\(sync.path(of: "stream")) is empty and counts as left out: nothing is streamed",
            hint: "Write stream: {} for one with the defaults, or take the line out.")
    }

    /// Runs of users and catalogs read the whole source, for only that shows who left.
    private static func warnOfCursor(_ sync: SectionReader, _ kind: RecordKind) {
        guard kind != .events, sync.has(EventSyncKeys.cursor), !sync.isEmpty(EventSyncKeys.cursor),
            !sync.isMeant(EventSyncKeys.stream)
        else { return }
        sync.context.warn(
            at: sync.position(of: EventSyncKeys.cursor), path: sync.path(of: "cursor"),
            "\(sync.path(of: "cursor")) is of no use without stream: runs of \(kind.rawValue) syncs read the whole source",
            hint: "Add stream: {}, or take the cursor out.")
    }

    private static func checkNeighbours(_ sync: SectionReader) {
        if sync.has(SyncKeys.schedule), !sync.isEmpty(SyncKeys.schedule) { refuseSchedule(sync) }
        if sync.isMeant(EventSyncKeys.cursor) { return }
        sync.report(
            at: EventSyncKeys.stream,
            "\(sync.path(of: "stream")) stands without a cursor, by which it would find new rows",
            expected: "cursor beside it, as in cursor: loaded_at",
            hint: "Name the column that says when a row came into the table, and grows with each new one.")
    }

    /// At the second of the two keys.
    private static func refuseSchedule(_ sync: SectionReader) {
        let keys = [EventSyncKeys.stream, SyncKeys.schedule].sorted { sync.position(of: $0) < sync.position(of: $1) }
        let names = TextLayout.alternatives(keys.map(\.name), joint: "and")
        sync.report(
            at: keys[1], "\(sync.path) gives \(names); only one of them is allowed",
            hint: "A stream sends what is new as it comes, and needs no schedule. Keep one of them.")
    }

    private static func wake(_ reader: SectionReader, _ warehouse: WarehouseType?) -> String? {
        guard reader.has(StreamKeys.wake) else { return nil }
        if warehouse == .sqlite {
            reader.report(
                at: StreamKeys.wake, "\(reader.path(of: "wake")) is for Postgres; the warehouse is SQLite",
                hint: "SQLite needs none: before each look the stream asks PRAGMA data_version whether something was "
                    + "committed. Take it out.")
            return nil
        }
        guard let channel = reader.text(StreamKeys.wake) else { return nil }
        if channel.value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            reader.reportWrong(StreamKeys.wake, channel, "contains a line break or a control character")
            return nil
        }
        return channel.value
    }
}
