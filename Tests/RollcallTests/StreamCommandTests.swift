import Foundation
import TestSupport
import Testing

/// What commands say of a sync that is streamed, while nothing serves.
@Suite(.timeLimit(.minutes(10))) struct StreamCommandTests {
    @Test(arguments: Shop.Kind.allCases) func withoutAnIndexEachLookReadsTheTable(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...3) { scene in
            let shop = scene.shop
            try scene.configure(sync: "start: all\n    cursor: seq\n    stream: {}")
            let check = try await shop.rollcall("check", "orders")
            #expect(check.code == 0, "\(check.all)")
            let words =
                "warn sync orders, cursor: no index of the table begins with the column \"seq\", so that each look"
            #expect(check.out.contains("\(words) of the stream reads the whole table"), "\(check.out)")
            #expect(check.out.contains("better: CREATE INDEX "), "\(check.out)")
            #expect(!check.out.contains("sync orders, wake"), "\(check.out)")
            try await shop.execute("CREATE INDEX orders_by_seq ON orders (seq)")
            let again = try await shop.rollcall("check", "orders")
            #expect(again.code == 0 && !again.out.contains("warn "), "\(again.all)")
        }
    }

    @Test func checkTriesNotificationsAndPrintsWhatSendsThem() async throws {
        try await EventsScene.with(.postgres, rows: 1...3) { scene in
            let shop = scene.shop
            try scene.configure(sync: "start: all\n    cursor: seq\n    stream: { wake: \"orders' rows\" }")
            let check = try await shop.rollcall("check", "orders", "--format", "json")
            #expect(check.code == 0, "\(check.all)")
            let findings = try #require(try check.json() as? [[String: Any]])
            func text(_ subject: String, _ column: String) throws -> String {
                let finding = findings.first { $0["subject"] as? String == "sync orders, \(subject)" }
                #expect(finding?["ok"] as? Bool == true)
                return try #require(finding?[column] as? String, "\(check.out)")
            }
            let wake = try text("wake", "detail")
            #expect(wake == "a notification of the channel \"orders' rows\", sent for a try, came")
            let statements = try text("trigger", "fix").split(separator: "\n").map(String.init)
            #expect(statements.map { $0.prefix(15) } == ["CREATE FUNCTION", "CREATE TRIGGER "])
            for statement in statements { try await shop.execute(String(statement.dropLast())) }
            try await scene.enter(4...5)
            #expect(try EventCounts(try await scene.run()).succeeded == 5)
            // Into a view no rows come.
            try await shop.execute("CREATE VIEW some_orders AS SELECT * FROM orders")
            let file = shop.folder.appendingPathComponent("rollcall.yaml")
            let configuration = try String(contentsOf: file, encoding: .utf8)
            let ofView = configuration.replacing("source: { table: orders }", with: "source: { table: some_orders }")
            try Data(ofView.utf8).write(to: file)
            let unknown = try await shop.rollcall("check", "orders")
            #expect(
                unknown.code == 0 && unknown.out.contains("ok   sync orders, trigger: the source is a view or a query"),
                "\(unknown.all)")
        }
    }

    @Test func aStreamStandsWhereASchedulesPaceDoes() async throws {
        try await EventsScene.with(.sqlite, rows: 1...3) { scene in
            try scene.configure(sync: "start: all\n    cursor: seq\n    stream: { poll: 10s }")
            let json = try await scene.shop.rollcall("syncs", "--format", "json")
            let rows = try #require(try json.json() as? [[String: Any]])
            #expect(rows.first { $0["sync"] as? String == "orders" }?["schedule"] as? String == "stream")
            // By hand it works as any other.
            #expect(try EventCounts(try await scene.run()).succeeded == 3)
        }
    }
}
