import RollcallConfig
import RollcallCore
import Testing

/// Streams of users and catalogs.
@Suite struct RecordStreamConfigurationTests {
    private static let kinds = [
        "kind: users\nkey: customer_id\nmapping: { email: mail }\nfields: { plan: plan }",
        "kind: catalog\nkey: sku\ncatalog: { name: products }\ndocuments: replace\nfields: all",
    ]

    private static func text(_ kind: String, _ lines: String, warehouse: String = "crm") -> String {
        """
        warehouses:
          crm: { type: postgres, url: "${CRM_DATABASE_URL}" }
          shop: { type: sqlite, path: shop.db }
        destinations:
          marketing: { type: iterable, api_key: "${ITERABLE_API_KEY}", project_type: email }
        syncs:
          kept:
            warehouse: \(warehouse)
            destination: marketing
            source: { table: rows }
        \((kind + "\n" + lines).split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))

        """
    }

    @Test(arguments: kinds) func aStreamHasACursor(_ kind: String) throws {
        let lines = "cursor: { column: updated_at, overlap: 2m, sweep: 1h }\nstream: { poll: 2s, wake: kept_changed }"
        let configuration = try Sample.load(Self.text(kind, lines))
        let sync = try configuration.sync(named: "kept")
        var cursor = EventSettings.Cursor(column: "updated_at")
        (cursor.overlap, cursor.sweepSeconds) = (.seconds(120), 3600)
        #expect(sync.cursor == cursor)
        #expect(sync.stream?.pollSeconds == 2 && sync.stream?.wake == "kept_changed" && sync.schedule == nil)
        #expect(configuration.warnings.isEmpty)
    }

    @Test(arguments: kinds) func withoutACursorNothingIsStreamed(_ kind: String) {
        #expect(
            Sample.headlines(Self.text(kind, "stream: {}")).map { $0.split(separator: " ", maxSplits: 1).last } == [
                "syncs.kept.stream stands without a cursor, by which it would find new rows"
            ])
    }

    @Test(arguments: kinds) func aCursorWithoutAStreamIsOfNoUse(_ kind: String) throws {
        let configuration = try Sample.load(Self.text(kind, "cursor: updated_at\nschedule: { every: 5m }"))
        let sync = try configuration.sync(named: "kept")
        #expect(sync.stream == nil && sync.cursor?.column == "updated_at")
        #expect(
            configuration.warnings.map(\.message) == [
                "syncs.kept.cursor is of no use without stream: runs of \(sync.kind.rawValue) syncs read the whole source"
            ])
        #expect(configuration.warnings.map(\.hint) == ["Add stream: {}, or take the cursor out."])
        // Of a stream that is switched off by a line left empty there is a word already.
        let off = try Sample.load(Self.text(kind, "cursor: updated_at\nstream:"))
        #expect(off.warnings.map(\.path) == ["syncs.kept.stream"])
    }

    @Test(arguments: kinds) func aStreamAndAScheduleExcludeEachOther(_ kind: String) {
        let lines = Self.text(kind, "cursor: updated_at\nstream: {}\nschedule: { every: 5m }")
        #expect(
            Sample.headlines(lines).map { $0.split(separator: " ", maxSplits: 1).last } == [
                "syncs.kept gives stream and schedule; only one of them is allowed"
            ])
    }

    @Test(arguments: kinds) func SQLiteIsNotWoken(_ kind: String) {
        let lines = Self.text(kind, "cursor: updated_at\nstream: { wake: kept_changed }", warehouse: "shop")
        #expect(
            Sample.headlines(lines).map { $0.split(separator: " ", maxSplits: 1).last } == [
                "syncs.kept.stream.wake is for Postgres; the warehouse is SQLite"
            ])
    }
}
