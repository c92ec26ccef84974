import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// Notifications that wake a stream.
@Suite("Postgres: watches")
struct PostgresWatchTests {
    private func eventually(_ what: String, _ holds: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + patience
        while try await !holds() {
            guard ContinuousClock.now < end else { throw Unexpected("not in time: \(what)") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Process ids of the sessions that listen.
    private func listeners(_ fixture: PostgresFixture) async throws -> [String] {
        try await fixture.query(
            "SELECT pid FROM pg_stat_activity WHERE datname = '\(fixture.database)' AND query LIKE 'LISTEN %'"
        ).compactMap(\.[0])
    }

    private func warehouse(_ fixture: PostgresFixture) throws -> PostgresWarehouse {
        try #require(fixture.warehouse as? PostgresWarehouse)
    }

    @Test("a notification of another session wakes, and one that was sent for a try does not")
    func wakes() async throws {
        try await withDatabase { fixture in
            let wakes = Collector<Bool>()
            let channel = #"Orders "new""#
            let watch = try await warehouse(fixture).watch(channel: channel) { wakes.add(true) }
            try await eventually("a notification for a try") { watch.wakes == .listening }
            let second = try #require(try fixture.second() as? PostgresWarehouse)
            let other = try await second.watch(channel: channel) {}
            try await eventually("another one") { other.wakes == .listening }
            #expect(wakes.all.isEmpty)
            for number in 1...2 {
                try await fixture.execute(#"NOTIFY "Orders ""new""", 'order 7'"#)
                try await eventually("a wake") { wakes.all.count >= number }
            }
            #expect(await watch.mayHaveChanged())
            #expect(try await listeners(fixture).count == 2)
            for _ in 0..<2 { await watch.end() }
            await second.close()
            try await eventually("the ends of the sessions") { try await listeners(fixture).isEmpty }
        }
    }

    @Test("a connection that is lost is made again, and wakes when it is back")
    func comesBack() async throws {
        try await withDatabase { fixture in
            let wakes = Collector<Bool>()
            let watch = try await warehouse(fixture).watch(channel: "orders") { wakes.add(true) }
            for number in 1...2 {
                try await eventually("listening") { watch.wakes == .listening }
                let before = wakes.all.count
                let pid = try #require(try await listeners(fixture).first)
                try await fixture.execute("SELECT pg_terminate_backend(\(pid))")
                try await eventually("a wake after loss \(number)") { wakes.all.count > before }
            }
            try await eventually("listening again") { watch.wakes == .listening }
            let before = wakes.all.count
            try await fixture.execute("NOTIFY orders")
            try await eventually("a wake by a notification") { wakes.all.count > before }
            await watch.end()
        }
    }

    @Test("where no notification comes, the watch says so, and takes it back when one comes after all")
    func unavailable() async throws {
        try await withDatabase { fixture in
            let wakes = Collector<Bool>()
            let watch = try PostgresWatch(try warehouse(fixture).settings, channel: "orders") {
                wakes.add(true)
            } notify: { _ in
            } onEnd: { _ in
            }
            await watch.begin()
            let reason =
                "Notifications of the channel \"orders\" do not come, as behind a pooler in transaction mode; the stream looks"
                + " by the clock instead."
            try await eventually("the verdict") { watch.wakes == .unavailable(reason) }
            #expect(wakes.all.isEmpty)
            try await fixture.execute("NOTIFY orders")
            try await eventually("a wake") { !wakes.all.isEmpty }
            #expect(watch.wakes == .listening)
            await watch.end()
        }
    }

    @Test("without a channel there is no connection")
    func withoutChannel() async throws {
        try await withDatabase { fixture in
            let watch = try await warehouse(fixture).watch(channel: nil) {}
            #expect(watch.wakes == .none)
            let sessions = try await fixture.query(
                "SELECT 1 FROM pg_stat_activity WHERE datname = '\(fixture.database)' AND application_name = 'rollcall'"
            )
            #expect(sessions.isEmpty)
            await watch.end()
        }
    }

    @Test("a watch ends while its connection is being made")
    func endsInMidConnect() async throws {
        try await withDatabase { fixture in
            let proxy = try FaultyProxy(to: fixture.cluster.port)
            defer { proxy.stop() }
            proxy.set(.freeze(.toServer, after: 0), times: 100)
            let url = "postgresql://postgres@127.0.0.1:\(proxy.port)/\(fixture.database)?connect_timeout=3600"
            let warehouse = PostgresWarehouse(url: Secret(url), stateSchema: "rollcall")
            let watching = Task { try await warehouse.watch(channel: "orders") {} }
            try await eventually("an attempt to connect") { proxy.happened > 0 }
            await warehouse.close()
            #expect(try await watching.value.wakes == .none)
            let error = await warehouseFailure { try await warehouse.watch(channel: "orders") {} }
            #expect(error?.error.code == "warehouse_closed")
        }
    }

    @Test("a server that cannot be reached is tried again, and says why")
    func unreachable() async throws {
        let warehouse = PostgresWarehouse(url: Secret("host=127.0.0.1 port=1"), stateSchema: "rollcall")
        let watch = try await warehouse.watch(channel: "orders") {}
        guard case .unavailable(let reason) = watch.wakes else { throw Unexpected("\(watch.wakes)") }
        #expect(reason.contains("\"orders\"") && reason.contains("refused"), "\(reason)")
        await warehouse.close()
    }
}
