import RollcallCore
import TestSupport
import Testing
import Warehouse

/// What `check` prints for streams that are woken works as it is printed.
@Suite struct PostgresNotificationTests {
    @Test func theStatementsInWords() {
        #expect(
            PostgresNotification.statements(channel: "orders_changed", table: ["shop", "orders"], updates: false) == [
                #"CREATE FUNCTION "shop"."notify_orders_changed"() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM "#
                    + "pg_catalog.pg_notify('orders_changed', ''); RETURN NULL; END$$;",
                #"CREATE TRIGGER "notify_orders_changed" AFTER INSERT ON "shop"."orders" FOR EACH STATEMENT EXECUTE "#
                    + #"FUNCTION "shop"."notify_orders_changed"();"#,
            ])
    }

    private static let channels = [
        "orders_changed", "Größe 7", #"it's "new""#, #"back\slash"#, "$$ and $1", "a'\u{301}b",
        String(repeating: "x", count: 63), String(repeating: "é", count: 31),
    ]

    @Test(arguments: channels) func theyNotifyOnceAStatement(_ channel: String) async throws {
        try await withDatabase { fixture in
            let table = #"odd "orders"#
            try await fixture.execute(#"CREATE SCHEMA "Shop"; CREATE TABLE "Shop"."odd ""orders" (id integer)"#)
            for statement in PostgresNotification.statements(channel: channel, table: ["Shop", table], updates: true) {
                try await fixture.execute(String(statement.dropLast()))
            }
            let warehouse = try #require(fixture.warehouse as? PostgresWarehouse)
            let (wakes, woken) = AsyncStream.makeStream(of: Void.self)
            let watch = try await warehouse.watch(channel: channel) { woken.yield() }
            try await fixture.execute(#"INSERT INTO "Shop"."odd ""orders" SELECT generate_series(1, 3)"#)
            let hasCome = await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    for await _ in wakes { return true }
                    return false
                }
                group.addTask {
                    try? await Task.sleep(for: patience)
                    return false
                }
                let first = await group.next() ?? false
                group.cancelAll()
                return first
            }
            #expect(hasCome)
            await watch.end()
        }
    }
}
