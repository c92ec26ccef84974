import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// What a move needs of a Postgres database beyond what all warehouses do.
@Suite struct PostgresTransferTests {
    private func with(encoding: String? = nil, _ body: (PostgresFixture) async throws -> Void) async throws {
        let fixture = try await PostgresFixture.make(on: PostgresCluster.shared(), encoding: encoding)
        var failure: (any Error)?
        do {
            _ = try await fixture.warehouse.migrate()
            try await body(fixture)
        } catch { failure = error }
        await fixture.tearDown()
        if let failure { throw failure }
    }

    /// Where a closed place is open again after a power failure, two are.
    @Test func everyStepIsOnTheDiskBeforeTheNextOne() async throws {
        try await with { fixture in
            try await fixture.execute(
                """
                ALTER DATABASE \(fixture.database) SET synchronous_commit = off;
                CREATE TABLE public.seen (setting text);
                CREATE FUNCTION rollcall.note() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN new; END $$;
                CREATE TRIGGER note BEFORE UPDATE ON rollcall.sync_leases
                    FOR EACH ROW EXECUTE FUNCTION rollcall.note();
                """)
            let warehouse = try fixture.second()
            let transfer = try TransferConformance.transfer(warehouse)
            func step<R>(_ body: () async throws -> R) async throws -> (R, [String?]) {
                try await fixture.execute("TRUNCATE public.seen")
                let result = try await body()
                return (result, try await fixture.query("SELECT DISTINCT setting FROM public.seen").map { $0[0] })
            }
            let place = TransferConformance.elsewhere
            let lease = try await Scene.lease(warehouse)
            let (_, renewed) = try await step { try await warehouse.renewLease(lease, seconds: 60) }
            #expect(renewed == ["off"], "what the role has by default")
            let (_, closed) = try await step { try await transfer.closeState(lease, for: place) }
            #expect(closed == ["on"])
            let (mark, closedAgain) = try await step {
                try await transfer.closeStateAgain(sync: Scene.sync, insteadOf: place.id, for: place)
            }
            #expect(closedAgain == ["on"])
            let (_, opened) = try await step { try await transfer.openState(mark) }
            #expect(opened == ["on"])
            let second = try await transfer.closeState(try await Scene.lease(warehouse), for: place)
            let (_, received) = try await step {
                try await transfer.receiveState(
                    second, from: StateMark(sync: Scene.sync, token: 1, moves: 1),
                    Parts(StateSamples.parts(of: Scene.sync)))
            }
            #expect(received == ["on"])
            await warehouse.close()
        }
    }

    private static let escaped: [StateTable: Set<String>] = [
        .changes: ["record_key", "item_id", "event_name"], .records: ["record_key", "item_id"],
        .events: ["record_key", "event_name"], .fieldPlaces: ["field"], .cursors: ["column_name", "state", "staged"],
        .destinationFields: ["field"], .log: ["item_id", "error_reason"], .state: ["mapping_hash", "list_name"],
    ]

    /// What a database cannot hold is escaped there, and is itself again wherever it goes. Valid identifiers are ASCII: what looks
    /// like an escape in one is a part of it.
    @Test func textsLeaveAsTheyWereBeforeTheEncoding() async throws {
        try await with(encoding: "LATIN1") { fixture in
            let transfer = try TransferConformance.transfer(fixture.warehouse)
            let read = Collected<StatePart>()
            try await transfer.readState(sync: Scene.sync) { read.add($0) }
            var columns: (table: StateTable, names: [String])?
            var wide = 0
            let parts = StateSamples.filled(read.all, sync: Scene.sync).map { part -> StatePart in
                switch part {
                case .table(let table, let names):
                    columns = (table, names)
                    return part
                case .row(let values):
                    guard let columns else { return part }
                    return .row(
                        zip(columns.names, values).map { name, value in
                            if ["email", "user_id"].contains(name), columns.table != .log {
                                return StateSamples.text("n\\u{65E5}x")
                            }
                            guard Self.escaped[columns.table]?.contains(name) == true else { return value }
                            wide += 1
                            return StateSamples.text("\u{4E2D} \\u{00E9}")
                        })
                }
            }
            #expect(wide == Self.escaped.values.reduce(0) { $0 + $1.count })
            let mark = try await transfer.closeState(
                try await Scene.lease(fixture.warehouse), for: TransferConformance.elsewhere)
            try await transfer.receiveState(mark, from: StateMark(sync: Scene.sync, token: 0, moves: 0), Parts(parts))
            #expect(try await fixture.query("SELECT field FROM rollcall.field_places") == [["\\u{4E2D} \\u{00E9}"]])
            let written = Collected<StatePart>()
            try await transfer.readState(sync: Scene.sync) { written.add($0) }
            #expect(written.all == parts)
        }
    }
}
