import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// What earlier versions have noted of events.
extension UpgradeConformance {
    static let ofEvents: [ConformanceTest] = [8, 14].map { version in
        ConformanceTest("what version \(version) wrote of events is read before and after the upgrade") {
            try await events(from: version, $0)
        }
    }

    private static let key = "00112233445566778899aabbccddeeff"

    private static func events(from version: Int, _ fixture: any WarehouseFixture) async throws {
        try await make(version, fixture)
        let (key, run) = (isSQLite(fixture) ? "x'\(key)'" : "'\(key)'::uuid", Scene.id(1))
        let time = isSQLite(fixture) ? "'2026-09-01T00:00:01.000Z'" : "'2026-09-01 00:00:01Z'"
        try await fixture.execute(
            """
            INSERT INTO \(fixture.state("synced_events"))
                   (sync_name, event_key, event_id, content, state, run_id, at, position, record_key, email, event_name)
            VALUES ('vip', \(key), 'e-1', 5, 'waiting', '\(run)', \(time), 100, 'k-1', 'p1@example.com', 'order');
            """)
        try await look(fixture)
        #expect(try await fixture.warehouse.migrate().from == version)
        try await look(fixture)
        #expect(
            try await fixture.query(
                "SELECT sync_name, event_key, event_id, state, event_name FROM \(fixture.state("synced_events"))")
                == [["vip", Self.key, "e-1", "waiting", "order"]])
    }

    private static func look(_ fixture: any WarehouseFixture) async throws {
        let warehouse = fixture.warehouse
        for position: Int64? in [nil, 5, 101] {
            let read = Collected<KnownEvent>()
            try await warehouse.readEvents(sync: Scene.sync, from: position) { read.add($0) }
            #expect(read.all.map(\.key.bytes.hexadecimal) == [key] && read.all.first?.content == 5)
        }
        let known = try #require(try await warehouse.events(sync: Scene.sync, ids: ["e-1"]).first)
        #expect(known.key.bytes.hexadecimal == key && known.state == .waiting)
        let keyed = try await warehouse.knownEvents(sync: Scene.sync, keys: [known.key])
        #expect(keyed.map(\.position) == [100])
        let found = try await warehouse.events(sync: Scene.sync, knownAs: "k-1", key: Scene.fingerprint(9), limit: 9)
        let page = try await warehouse.events(sync: Scene.sync, in: [.waiting], after: nil, limit: 9)
        #expect(found.map(\.key) == [known.key] && page.map(\.key) == [known.key])
        #expect(try await warehouse.eventCounts(sync: Scene.sync) == [.waiting: 1])
    }
}
