import Foundation
import RollcallCore
import TemporaryFolders
import Testing
import Warehouse

@testable import Receivers

/// Bodies in the spool, and configurations that have changed since.
@Suite struct OtherWarehouseTests {
    /// A spool with one body that an ended process left, for the warehouse `crm`.
    private func left(_ store: MemoryStore) async throws -> URL {
        let folder = try TemporaryFolders.path("spool")
        try await Harness(store: store, spool: folder).run { harness in
            #expect(await harness.post("{\"before\":1}").status == 204)
            store.set(.away)
            #expect(await harness.post("{\"n\":1}").status == 204)
        }
        store.set(.fine)
        return folder
    }

    private static func other() -> ReceiverSettings { Harness.receiver("t") { $0.warehouse = "other" } }

    // MARK: Warehouses without receivers

    @Test(arguments: [true, false]) func whatWaitsIsStoredThoughNoReceiverNamesItsWarehouse(_ hasOthers: Bool)
        async throws
    {
        let store = MemoryStore()
        let folder = try await left(store)
        let harness = Harness(
            hasOthers ? [Self.other()] : [], store: store, spool: folder, others: ["other": MemoryStore()])
        try await harness.run { await $0.notes.wait(for: "spool_drained") }
        #expect(store.database.deliveries == ["{\"before\":1}": 1, "{\"n\":1}": 1])
        #expect(harness.notes.kinds == ["spool_adopted", "spool_drained"])
        #expect(harness.service.metrics().spools.contains(.init(warehouse: "crm", bodies: 0, bytes: 0)))
    }

    @Test func whatWaitsIsStoredThoughAReloadTookTheReceiverAway() async throws {
        let (folder, store, other) = (try TemporaryFolders.path("spool"), MemoryStore(), MemoryStore())
        try await Harness(store: store, spool: folder, others: ["other": other]).run { harness in
            #expect(await harness.post("{\"before\":1}").status == 204)
            store.set(.away)
            #expect(await harness.post("{\"n\":1}").status == 204)
            await harness.service.replace(
                ReceiverSetup(
                    receivers: [Self.other()], listen: ReceiverListenSettings(),
                    stores: ["crm": store, "other": other]))
            #expect(await harness.post("{\"n\":2}").status == 404)
            #expect(await harness.post("{\"n\":3}", to: "t").status == 204)
            #expect(harness.service.metrics().spools.map(\.warehouse) == ["crm", "other"])
            store.set(.fine)
            await harness.pass(until: "spool_drained")
        }
        #expect(store.database.deliveries == ["{\"before\":1}": 1, "{\"n\":1}": 1])
        #expect(other.database.deliveries == ["{\"n\":3}": 1])
    }

    @Test func whatWaitsForAnUnknownWarehouseIsSaid() async throws {
        let store = MemoryStore()
        let folder = try await left(store)
        let notes = NoteLog()
        var setup = ReceiverSetup(receivers: [], listen: ReceiverListenSettings(), stores: ["other": MemoryStore()])
        setup.listen.spoolPath = folder.path
        let service = ReceiverService(setup, clock: ManualClock()) { notes.add($0) }
        let said = ReceiverNote.spoolWithoutWarehouse(warehouse: "crm", folder: folder.path + "/crm", bodies: 1)
        #expect(notes.notes == [said] && said.level == .warning && !said.text.contains("\n"))
        let spool = service.metrics().spools
        #expect(spool.map(\.warehouse) == ["crm"] && spool.map(\.bodies) == [1] && spool.allSatisfy { $0.bytes > 0 })
        await service.replace(setup)
        #expect(notes.notes == [said, said])
        let run = Task { await service.run() }
        setup.stores["crm"] = store
        await service.replace(setup)
        await notes.wait(for: "spool_drained")
        #expect(
            notes.kinds == ["spool_without_warehouse", "spool_without_warehouse", "spool_adopted", "spool_drained"])
        await service.stop()
        await run.value
        #expect(store.database.deliveries["{\"n\":1}"] == 1)
    }

    @Test func namesOfWarehousesAreReadFromTheirFolders() throws {
        let budget = SpoolBudget(limit: 1)
        for name in ["crm", "a.b-c_D", "é", "..", "%"] {
            let path = WarehouseSpool(root: "/r", warehouse: name, budget: budget).path
            #expect(WarehouseSpool.warehouse(ofFolder: String(path.dropFirst(3))) == name)
        }
        for folder in ["a.b", "a b", "%zz", "%41"] { #expect(WarehouseSpool.warehouse(ofFolder: folder) == nil) }
    }

    // MARK: Another database

    /// A warehouse with another key than that of all others.
    private func keyed() -> MemoryStore {
        let store = MemoryStore()
        store.database.change { $0.key = [UInt8](repeating: 9, count: 32) }
        return store
    }

    private func replace(_ harness: Harness, _ store: MemoryStore) async {
        await harness.service.replace(
            ReceiverSetup(
                receivers: [Harness.receiver("r")], listen: ReceiverListenSettings(), stores: ["crm": store]))
    }

    @Test(arguments: [true, false]) func anotherDatabaseUnderTheSameNameHasItsOwnKey(_ hasSpool: Bool) async throws {
        let folder = hasSpool ? try TemporaryFolders.path("spool") : nil
        let (second, reference) = (keyed(), keyed())
        let harness = Harness(spool: folder)
        try await harness.run { harness in
            #expect(await harness.post("{\"n\":1}").status == 204)
            await replace(harness, second)
            #expect(await harness.post("{\"n\":1}").status == 204)
            #expect(await harness.post("{\"n\":2}").status == 204)
        }
        try await Harness(store: reference).run { harness in
            for number in 1...2 { #expect(await harness.post("{\"n\":\(number)}").status == 204) }
        }
        #expect(Set(second.database.contents.events.keys) == Set(reference.database.contents.events.keys))
        #expect(second.database.contents.early == 0 && harness.notes.kinds == ["key_changed"])
        #expect(harness.deliveries == ["{\"n\":1}": 1])
    }

    @Test func nothingIsStoredInAnotherDatabaseBeforeItsTablesAreThere() async throws {
        let folder = try TemporaryFolders.path("spool")
        let (first, second) = (MemoryStore(), keyed())
        try await Harness(store: first, spool: folder).run { harness in
            #expect(await harness.post("{\"n\":1}").status == 204)
            first.set(.away)
            #expect(await harness.post("{\"n\":2}").status == 204)
            second.set(.away)
            await replace(harness, second)
            #expect(await harness.post("{\"n\":3}").status == 204)
            second.set(.fine)
            await harness.pass(until: "spool_drained")
            #expect(await harness.post("{\"n\":4}").status == 204)
        }
        #expect(second.database.contents.early == 0)
        #expect(second.database.deliveries == ["{\"n\":2}": 1, "{\"n\":3}": 1, "{\"n\":4}": 1])
    }

    /// The same connection again, as after a reload that did not change the warehouse, is not opened again.
    @Test func theSameStoreStaysOpen() async throws {
        let store = MemoryStore()
        try await Harness(store: store).run { harness in
            #expect(await harness.post("{\"n\":1}").status == 204)
            await replace(harness, store)
            #expect(await harness.post("{\"n\":2}").status == 204)
        }
        #expect(store.database.contents.migrations == 1)
    }
}
