import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// Items are put as their rows come and change.
@Suite(.timeLimit(.minutes(10))) struct CatalogStreamTests {
    private static func make(
        sweep: Int = 86_400, change: @escaping @Sendable (inout CatalogSettings) -> Void = { _ in }
    ) async throws -> (CatalogBench, RecordStreamBench) {
        let catalog = try await CatalogBench { settings, destination in
            settings.cursor = RecordStreamBench.cursor(sweep: sweep)
            destination.limits.concurrentRequests = 1
            change(&settings)
        }
        return (catalog, RecordStreamBench(catalog))
    }

    private static func put(_ catalog: CatalogBench, _ key: String, _ title: String, at: Int) async throws {
        try await catalog.fixture.execute("DELETE FROM products WHERE sku = '\(key)'")
        try await catalog.fixture.execute("INSERT INTO products VALUES ('\(key)', '\(title)', 1, 1, \(at))")
    }

    /// The items of each request; those that are deleted with a minus.
    private static func sent(_ catalog: CatalogBench) -> [[String]] {
        catalog.catalogs.requests.map { request in
            request.items.map { (request.operation == .delete ? "-" : "") + $0.id }
        }
    }

    private static func title(_ catalog: CatalogBench, _ key: String) -> String? {
        let document = catalog.catalogs.items("products")?[key]
        let object = document.flatMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
        return object?["title"] as? String
    }

    @Test func whatComesAndWhatChangesIsPutAndASweepFindsWhatIsGone() async throws {
        let (catalog, stream) = try await Self.make(sweep: 600)
        try await Self.put(catalog, "a", "Pen", at: 1)
        try await Self.put(catalog, "b", "Ink", at: 2)
        await stream.look(
            {}, { try await Self.put(catalog, "c", "Pad", at: 3) }, {},
            { try await Self.put(catalog, "a", "Pencil", at: 4) },
            { try await catalog.fixture.execute("DELETE FROM products WHERE sku = 'b'") }, {},
            {
                #expect(catalog.catalogs.items("products")?.keys.sorted() == ["a", "b", "c"])
                stream.clock.advance(by: .seconds(600))
            }, {})
        #expect(Self.sent(catalog) == [["a", "b"], ["c"], ["a"], ["-b"]])
        #expect(Self.title(catalog, "a") == "Pencil" && catalog.catalogs.items("products")?.count == 2)
        #expect(catalog.catalogs.typings.count == 1, "the types are set once")
        let run = try #require(stream.ended.first)
        #expect(run.counts.planned.put == 4 && run.counts.succeeded.delete == 1, "\(run.counts)")
        // Two sweeps and two looks between them that found something.
        #expect(run.counts.rowsRead == 2 + 1 + 1 + 2 && run.counts.unchanged == 2, "\(run.counts)")
        #expect(try await catalog.snapshot() == ["synced a", "synced c"])
        try await stream.check()
    }

    /// Iterable may carry out a deletion before a put that it accepted before it.
    @Test func aDeletionKeepsItsDistanceToThePutBeforeIt() async throws {
        let (catalog, stream) = try await Self.make(sweep: 20)
        try await Self.put(catalog, "a", "Pen", at: 1)
        let times = Mutex<[Duration]>([])
        catalog.catalogs.setFate { _, _ in
            times.withLock { $0.append(stream.clock.uptime) }
            return .ok
        }
        await stream.look(
            {},
            {
                try await catalog.fixture.execute("DELETE FROM products")
                try await Self.put(catalog, "b", "Ink", at: 2)
            }, {}, {}, {})
        #expect(Self.sent(catalog) == [["a"], ["b"], ["-a"]])
        let at = times.withLock { $0 }
        #expect(at.count == 3 && at[2] - at[1] >= .seconds(60), "\(at)")
        try await stream.check()
    }

    @Test func aLostAnswerIsAskedForAgainWithTheSameRequest() async throws {
        let (catalog, stream) = try await Self.make()
        try await Self.put(catalog, "a", "Pen", at: 1)
        catalog.catalogs.setFate { _, number in [2, 3].contains(number) ? .loseAfter : .ok }
        await stream.look({}, { try await Self.put(catalog, "b", "Ink", at: 2) }, {})
        #expect(Self.sent(catalog) == [["a"], ["b"], ["b"], ["b"]])
        let run = try #require(stream.ended.first)
        #expect(run.counts.succeeded.put == 2 && run.counts.unknown.put == 0, "\(run.counts)")
        try await stream.check()
    }

    /// What was put and has no answer for certain keeps another document of the item from being sent.
    @Test func anotherDocumentWaitsForALostRequest() async throws {
        let (catalog, stream) = try await Self.make()
        try await Self.put(catalog, "a", "Pen", at: 1)
        catalog.catalogs.setFate { _, number in number == 2 ? .loseAfter : .ok }
        await stream.look(
            {}, { try await Self.put(catalog, "a", "Pencil", at: 2) },
            { try await Self.put(catalog, "a", "Ink", at: 3) },
            { #expect(Self.title(catalog, "a") == "Pencil") }, { stream.clock.advance(by: .seconds(120)) }, {})
        #expect(Self.title(catalog, "a") == "Ink")
        try await stream.check()
    }

    @Test func twoRowsOfOneItemAreBothLeftOut() async throws {
        let (catalog, stream) = try await Self.make(sweep: 600)
        try await Self.put(catalog, "a", "Pen", at: 1)
        await stream.look(
            {}, { try await catalog.fixture.execute("INSERT INTO products VALUES ('a', 'Pencil', 1, 1, 2)") }, {},
            {
                #expect(catalog.catalogs.requests.count == 1)
                try await catalog.fixture.execute("DELETE FROM products WHERE title = 'Pen'")
            },
            {
                // A look that meets one row alone does not know whether the other one is still there; a sweep does.
                #expect(catalog.catalogs.requests.count == 1)
                stream.clock.advance(by: .seconds(600))
            }, {})
        #expect(Self.sent(catalog) == [["a"], ["a"]] && Self.title(catalog, "a") == "Pencil")
        let run = try #require(stream.ended.first)
        #expect(run.counts.invalid == 2 && run.counts.rowsRead == 4, "\(run.counts)")
        try await stream.check()
    }

    @Test func aCatalogThatIsGoneEndsTheStreamWithAnError() async throws {
        let (catalog, stream) = try await Self.make()
        try await Self.put(catalog, "a", "Pen", at: 1)
        let end = await stream.look(
            {},
            {
                catalog.catalogs.remove("products")
                try await Self.put(catalog, "b", "Ink", at: 2)
            }, { Issue.record("it looked") })
        guard case .failed(let error, isWarehouse: false) = end else {
            Issue.record("\(end)")
            return
        }
        #expect(error.code == "catalog_missing" && catalog.catalogs.creations == 1)
        try await stream.check()
    }

    /// Items that looks have put are read back by sweeps, as many an hour as a run would tell of.
    @Test func sweepsReadItemsBack() async throws {
        let (catalog, stream) = try await Self.make(sweep: 600) { $0.verify = .init(sample: 2, seconds: 0) }
        await stream.look({ try await Self.put(catalog, "a", "Pen", at: 1) })
        // That the second item was accepted is forgotten by Iterable.
        catalog.catalogs.setFate { _, number in number == 2 ? .accept(without: ["b"]) : .ok }
        await stream.look({}, { try await Self.put(catalog, "b", "Ink", at: 2) }, {})
        #expect(catalog.catalogs.items("products")?["b"] == nil)
        await stream.look({}, {})
        #expect(catalog.catalogs.items("products")?["b"] != nil, "it was put again")
        let run = try #require(stream.ended.last)
        #expect(
            run.counts.notVerified == 1 && run.counts.failed.put == 1 && run.counts.succeeded.put == 1, "\(run.counts)")
        try await stream.check()
    }
}
