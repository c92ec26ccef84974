import RollcallConfig
import RollcallCore
import Testing

/// How the rows of a list's audience, and of the source of users and catalogs, are read.
@Suite struct ReadSettingTests {
    private static func text(_ read: String, warehouse: String = "crm") -> String {
        Sample.replacing("      table: vip_customers", with: "      table: vip_customers\n      read: \(read)")
            .replacing("    warehouse: shop", with: "    warehouse: \(warehouse)")
    }

    @Test func allRowsAreReadUnlessTheFileSaysSomethingElse() throws {
        #expect(try Sample.load(Sample.text).sync(named: "vip").read == .all)
        for setting in ReadSetting.allCases {
            let sync = try Sample.load(Self.text(setting.rawValue)).sync(named: "vip")
            #expect(sync.read == setting && sync.audience == .table(["vip_customers"]))
        }
    }

    @Test func aQueryHasItToo() throws {
        let text = Self.text("auto").replacing("table: vip_customers", with: "query: SELECT email FROM vip")
        let sync = try Sample.load(text).sync(named: "vip")
        #expect(sync.read == .auto && sync.audience == .query("SELECT email FROM vip", file: nil))
    }

    /// The rows of a file do not travel.
    @Test func ofSQLiteAllRowsAreRead() throws {
        for setting in ["all", "auto"] {
            #expect(try Sample.load(Self.text(setting, warehouse: "shop")).sync(named: "vip").read == .all)
        }
        let rendered = Sample.rendered(Self.text("changed", warehouse: "shop"))
        #expect(
            rendered.contains(
                "23:7: syncs.vip.audience.read is changed, and the warehouse is a SQLite file, whose rows are all read")
        )
        #expect(rendered.contains("The rows of a file do not travel") && rendered.contains("all or auto"))
    }

    @Test func anotherWordIsRefused() {
        let headlines = Sample.headlines(Self.text("change"))
        #expect(headlines.count == 1)
        #expect(
            headlines[0].hasPrefix("rollcall.yaml:23:13: syncs.vip.audience.read \"change\" is not one of the choices"))
    }

    @Test func itIsNoSourceOfRows() {
        let text = Sample.replacing("      table: vip_customers", with: "      read: all")
        #expect(Sample.headlines(text).count == 1, "one of table, query and query_file is missing")
    }

    private static func records(_ kind: String, _ read: String, warehouse: String = "crm") -> String {
        """
        warehouses:
          crm: { type: postgres, url: "${CRM_DATABASE_URL}" }
          shop: { type: sqlite, path: shop.sqlite }
        destinations:
          marketing: { type: iterable, api_key: "${ITERABLE_API_KEY}", project_type: hybrid }
        syncs:
          things:
            kind: \(kind)
            warehouse: \(warehouse)
            destination: marketing
            source: { table: things, read: \(read) }
            \(kind == "users" ? "fields: { plan: plan }" : "catalog: { name: things }\n    key: sku\n    fields: all")
        """
    }

    @Test(arguments: ["users", "catalog"], ReadSetting.allCases)
    func usersAndCatalogsHaveItToo(_ kind: String, _ setting: ReadSetting) throws {
        #expect(try Sample.load(Self.records(kind, setting.rawValue)).sync(named: "things").read == setting)
    }

    @Test(arguments: ["users", "catalog"])
    func ofSQLiteAllRowsOfUsersAndCatalogsAreRead(_ kind: String) throws {
        let file = Self.records(kind, "auto", warehouse: "shop")
        #expect(try Sample.load(file).sync(named: "things").read == .all)
        let rendered = Sample.rendered(Self.records(kind, "changed", warehouse: "shop"))
        #expect(
            rendered.contains(
                "syncs.things.source.read is changed, and the warehouse is a SQLite file, whose rows are all read"))
    }

    /// With a cursor only new events are read.
    @Test(arguments: ["all", "changed", "auto"])
    func eventsHaveItNot(_ setting: String) {
        let events = EventsSample.replacing(.source, with: "source: { table: order_events, read: \(setting) }")
        let rendered = Sample.rendered(EventsSample.text(events + "\ncursor: id"))
        #expect(rendered.contains("syncs.orders.source.read is not for events"))
        #expect(rendered.contains("events have a cursor for it"))
    }

    /// Without one the whole source is read each time, which is what these settings come to.
    @Test(arguments: ["all", "auto"])
    func eventsWithoutACursorAreAllRead(_ setting: String) throws {
        let events = EventsSample.replacing(.source, with: "source: { table: order_events, read: \(setting) }")
        #expect(try Sample.load(EventsSample.text(events)).sync(named: "orders").read == .all)
        let changed = EventsSample.replacing(.source, with: "source: { table: order_events, read: changed }")
        #expect(Sample.rendered(EventsSample.text(changed)).contains("syncs.orders.source.read is not for events"))
    }
}
