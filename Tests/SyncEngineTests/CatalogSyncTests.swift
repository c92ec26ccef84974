import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// A catalog is kept equal to its source.
@Suite(.timeLimit(.minutes(10))) struct CatalogSyncTests {
    @Test func theFirstRunMakesTheCatalogAndTypesItsFieldsBeforeItPutsAnything() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(["'a-1', 'Pen', 1.5, 3", "'a-2', NULL, 2, 0", "'a-3', 'Ink', NULL, 7"])
        let run = try await bench.run()
        #expect(run.status == .succeeded, "\(run)")
        #expect(run.counts.planned == PerOperation(put: 3) && run.counts.succeeded == PerOperation(put: 3))
        #expect(
            bench.catalogs.items("products") == [
                "a-1": #"{"price":1.5,"stock":3,"title":"Pen"}"#, "a-2": #"{"price":2.0,"stock":0}"#,
                "a-3": #"{"stock":7,"title":"Ink"}"#,
            ])
        #expect(bench.catalogs.types("products") == ["price": "double", "stock": "long", "title": "string"])
        #expect(bench.catalogs.requests.map(\.items.count) == [2, 1])
        #expect(bench.catalogs.requests.allSatisfy { !$0.keepsOtherFields })
        #expect(try await bench.snapshot() == ["synced a-1", "synced a-2", "synced a-3"])
        #expect(
            try await bench.log(run) == ["put succeeded  a-1", "put succeeded  a-2", "put succeeded  a-3"])
    }

    @Test func onlyWhatChangedIsSentAndOnlyWhatThisSyncPutIsDeleted() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(["'a', 'Pen', 1.5, 3", "'b', 'Ink', 2, 1", "'c', 'Pad', 3, 1"])
        try await bench.run()
        #expect(try await bench.run().counts.unchanged == 3)
        let before = bench.catalogs.requests.count
        #expect(before == 2, "nothing changed, nothing sent")
        bench.catalogs.add(
            "products",
            .init(
                items: (bench.catalogs.items("products") ?? [:]).merging(["foreign": "{}"]) { $1 },
                types: bench.catalogs.types("products") ?? [:]))
        try await bench.setRows(["'a', 'Pen', 1.5, 3", "'b', 'Ink', 2.25, 1"])
        bench.clock.advance(by: .seconds(120))
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation(put: 1, delete: 1) && run.counts.unchanged == 1, "\(run.counts)")
        #expect(Set((bench.catalogs.items("products") ?? [:]).keys) == ["a", "b", "foreign"])
        #expect(bench.catalogs.items("products")?["b"] == #"{"price":2.25,"stock":1,"title":"Ink"}"#)
        #expect(try await bench.snapshot() == ["synced a", "synced b"])
    }

    @Test func aMergedItemKeepsOtherFieldsAndOnlyWhatThisSyncFilledIsCleared() async throws {
        let bench = try await CatalogBench { catalog, _ in catalog.documents = .merge }
        try await bench.setRows(["'a', 'Pen', NULL, 3"])
        try await bench.run()
        #expect(bench.catalogs.requests.allSatisfy { $0.keepsOtherFields })
        #expect(Self.documents(bench) == [#"{"stock":3,"title":"Pen"}"#], "an empty column clears nothing of others")
        try await bench.setRows(["'a', NULL, NULL, 3"])
        try await bench.run()
        #expect(Self.documents(bench).last == #"{"stock":3,"title":null}"#)
        let count = bench.catalogs.requests.count
        #expect(try await bench.run().counts.unchanged == 1)
        #expect(bench.catalogs.requests.count == count, "a null is sent once")
        try await bench.setRows(["'a', NULL, 2, 3"])
        try await bench.run()
        #expect(Self.documents(bench).last == #"{"price":2.0,"stock":3}"#)
    }

    private static func documents(_ bench: CatalogBench) -> [String] {
        bench.catalogs.requests.flatMap(\.items).map { String(decoding: $0.document, as: UTF8.self) }
    }

    @Test func upsertKeepsItemsWhoseRowsAreGone() async throws {
        let bench = try await CatalogBench { catalog, _ in catalog.mode = .upsert }
        try await bench.setRows(["'a', 'Pen', 1.5, 3", "'b', 'Ink', 2, 1"])
        try await bench.run()
        try await bench.setRows(["'a', 'Pen', 1.5, 3"])
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation() && run.counts.unchanged == 1)
        #expect(bench.catalogs.items("products")?.count == 2)
        // It comes back as it was: nothing is to be done.
        try await bench.setRows(["'a', 'Pen', 1.5, 3", "'b', 'Ink', 2, 1"])
        #expect(try await bench.run().counts.unchanged == 2)
    }

    @Test func aColumnThatIsNotSentChangesNothing() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(["'a', 'Pen', 1.5, 3, 1"])
        try await bench.run()
        try await bench.setRows(["'a', 'Pen', 1.5, 3, 2"])
        #expect(try await bench.run().counts.unchanged == 1)
    }

    // MARK: Rows that cannot be sent

    @Test func eachBadRowIsToldAndNoOtherSuffers() async throws {
        let bench = try await CatalogBench()
        let long = String(repeating: "x", count: 33_000)
        let wide = String(repeating: "y", count: 29_990)
        try await bench.setRows([
            "NULL, 'no key', 1, 1", "'a/b', 'slash', 1, 1", "'', 'empty', 1, 1", "'long', '\(long)', 1, 1",
            "'wide', '\(wide)', 1, 1", "'word', 'not a number', 'many', 1", "'good', 'Pen', 1, 1",
        ])
        let run = try await bench.run()
        #expect(run.status == .completedWithFailures)
        #expect(run.counts.rowsRead == 7 && run.counts.invalid == 6 && run.counts.audience == 1, "\(run.counts)")
        #expect(bench.catalogs.items("products").map { Array($0.keys) } == ["good"])
        #expect(
            try await Set(bench.log(run)) == [
                "validate failed key_missing -", "validate failed invalid_item_id a/b",
                "validate failed invalid_item_id ",
                "validate failed value_too_long long", "validate failed item_too_large wide",
                "validate failed invalid_value word", "put succeeded  good",
            ])
    }

    @Test func aKeyOfAnotherTypeIsNotSaidToHaveWrongCharacters() async throws {
        let bench = try await CatalogBench { catalog, _ in catalog.encodesKey = true }
        try await bench.setRows(["x'00ff', 'Pen', 1, 1", "'good', 'Ink', 1, 1"])
        let run = try await bench.run()
        #expect(run.counts.invalid == 1 && run.counts.succeeded == PerOperation(put: 1), "\(run.counts)")
        let reasons = try await bench.fixture.query(
            "SELECT error_code, error_reason FROM \(bench.fixture.state("sync_log")) WHERE status = 'failed'")
        #expect(reasons == [["invalid_item_id", "The key is neither a text nor a whole number."]])
    }

    @Test func aRowThatTurnsInvalidKeepsItsItem() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(["'a', 'Pen', 1.5, 3", "'b', 'Ink', 2, 1"])
        try await bench.run()
        try await bench.setRows(["'a', 'Pen', 'dear', 3", "'b', 'Ink', 2, 1"])
        let run = try await bench.run()
        #expect(run.counts.invalid == 1 && run.counts.planned == PerOperation(), "\(run.counts)")
        #expect(bench.catalogs.items("products")?.count == 2)
        #expect(try await bench.snapshot() == ["synced a", "synced b"])
    }

    @Test func keysOfOtherCharactersAreEncoded() async throws {
        let bench = try await CatalogBench { catalog, _ in catalog.encodesKey = true }
        try await bench.setRows(["'a/b', 'x', 1, 1", "'a-2fb', 'y', 1, 1", "'Ü', 'z', 1, 1"])
        let run = try await bench.run()
        #expect(run.status == .succeeded)
        #expect(Set((bench.catalogs.items("products") ?? [:]).keys) == ["a-2fb", "a-2d2fb", "-c3-9c"])
        #expect(try await bench.snapshot() == ["synced a/b", "synced a-2fb", "synced Ü"])
        try await bench.setRows([])
        bench.clock.advance(by: .seconds(120))
        _ = try await bench.run { _, sync in sync.guards.allowEmpty = true }
        #expect(bench.catalogs.items("products")?.isEmpty == true)
    }

    // MARK: Several rows with one key

    @Test func ofTwoRowsThatDifferNeitherIsSent() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(["'a', 'Pen', 1, 1", "'b', 'Ink', 1, 1", "'a', 'Pencil', 1, 1", "'b', 'Ink', 1, 1"])
        let run = try await bench.run()
        #expect(run.counts.rowsRead == 4 && run.counts.invalid == 2 && run.counts.duplicates == 1, "\(run.counts)")
        #expect(run.counts.audience == 1 && run.counts.planned == PerOperation(put: 1))
        #expect(bench.catalogs.items("products").map { Array($0.keys) } == ["b"])
        #expect(try await bench.log(run).filter { $0 == "validate failed duplicate_key a" }.count == 2)
        // What is known stays as it was, whichever row comes first.
        try await bench.setRows(["'a', 'Pen', 1, 1", "'b', 'Ink', 1, 1"])
        try await bench.run()
        try await bench.setRows(["'b', 'Ink', 1, 1", "'b', 'Inks', 1, 1", "'a', 'Pens', 1, 1", "'a', 'Pen', 1, 1"])
        let other = try await bench.run()
        #expect(other.counts.planned == PerOperation() && other.counts.invalid == 4, "\(other.counts)")
        #expect(try await bench.snapshot() == ["synced a", "synced b"])
    }

    @Test func theNewestOfSeveralIsSent() async throws {
        let bench = try await CatalogBench { catalog, _ in catalog.duplicates = .newest("changed") }
        try await bench.setRows([
            "'a', 'old', 1, 1, 1", "'a', 'new', 1, 1, 3", "'a', 'older', 1, 1, 2", "'tie', 'x', 1, 1, 5",
            "'tie', 'y', 1, 1, 5", "'tie', 'z', 1, 1, 4", "'null', 'x', 1, 1, 1", "'null', 'y', 1, 1, NULL",
            "'was', 'x', 1, 1, 1", "'was', 'y', 1, 1, 1", "'was', 'z', 1, 1, 2",
        ])
        let run = try await bench.run()
        #expect(run.counts.rowsRead == 11 && run.counts.invalid == 5 && run.counts.duplicates == 4, "\(run.counts)")
        #expect(
            bench.catalogs.items("products") == [
                "a": #"{"price":1.0,"stock":1,"title":"new"}"#, "was": #"{"price":1.0,"stock":1,"title":"z"}"#,
            ])
        let again = try await bench.run()
        #expect(again.counts.planned == PerOperation() && again.counts.unchanged == 2, "\(again.counts)")
    }

    @Test func aRowThatCannotBeSentTakesPartWhereOthersHaveItsKey() async throws {
        let bench = try await CatalogBench { catalog, _ in catalog.duplicates = .newest("changed") }
        try await bench.setRows([
            "'a', 'one', 1, 1, 1", "'b', 'one', 1, 1, 1", "'c', 'one', 1, 1, 1", "'d', 'one', 1, 1, 1",
        ])
        try await bench.run()
        // Of a the newest row cannot be sent, of b an older one, of c one of which that is not known, of d all.
        try await bench.setRows([
            "'a', 'old', 1, 1, 2", "'a', 'new', 'dear', 1, 3", "'b', 'old', 'dear', 1, 2", "'b', 'new', 1, 1, 3",
            "'c', 'new', 1, 1, 3", "'c', 'x', 'dear', 1, NULL", "'d', 'x', 'dear', 1, 2", "'d', 'y', 'dear', 1, 3",
        ])
        let run = try await bench.run()
        #expect(run.counts.rowsRead == 8 && run.counts.invalid == 7 && run.counts.audience == 1, "\(run.counts)")
        #expect(run.counts.planned == PerOperation(put: 1))
        let items = bench.catalogs.items("products") ?? [:]
        #expect(items["a"]?.contains("one") == true, "nothing older than what cannot be sent is put")
        #expect(items["b"]?.contains("new") == true && items["c"]?.contains("one") == true && items.count == 4)
        #expect(
            try await Set(bench.log(run)) == [
                "validate failed invalid_value a", "validate failed invalid_value b", "validate failed invalid_value c",
                "validate failed invalid_value d", "validate failed duplicate_key a", "validate failed duplicate_key c",
                "put succeeded  b",
            ])
        // Without a column that tells, none is sent.
        let refused = try await bench.run { catalog, _ in catalog.duplicates = .refuse }
        #expect(refused.counts.planned == PerOperation() && refused.counts.invalid == 8, "\(refused.counts)")
    }

    // MARK: One catalog, one sync, one project

    @Test func twoSyncsDoNotKeepOneCatalog() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(["'a', 'Pen', 1, 1"])
        try await bench.run()
        let rival = bench.pipeline(change: { catalog, sync in
            sync.name = "rival"
            catalog.name = "PRODUCTS"
            catalog.documents = .replace
        })
        await #expect { _ = try await rival.plan() } throws: { ($0 as? RunError)?.code == "catalog_taken" }
        guard case .ran(let run) = await rival.run(RunRequest()) else {
            throw RunError(code: "test", message: "not run")
        }
        #expect(run.error?.code == "catalog_taken" && run.error?.message.contains("goods") == true, "\(run)")
        #expect(run.error?.hint?.contains("rollcall abandon goods") == true)
        #expect(bench.catalogs.requests.count == 1)
        let gone = try await Abandoning(sync: "goods", warehouse: bench.fixture.warehouse, clock: bench.clock)
            .carryOut()
        guard case .done(let abandonment) = gone else { throw RunError(code: "test", message: "\(gone)") }
        #expect(abandonment.records == 1)
        #expect(try await bench.snapshot().isEmpty)
        bench.catalogs.add("PRODUCTS")
        guard case .ran(let next) = await rival.run(RunRequest()) else {
            throw RunError(code: "test", message: "not run")
        }
        #expect(next.status == .succeeded, "\(next)")
    }

    @Test func anotherCatalogOrProjectIsNotTakenForTheOldOne() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(["'a', 'Pen', 1, 1"])
        try await bench.run()
        bench.catalogs.add("others", .init(items: ["a": "{}"], types: bench.catalogs.types("products") ?? [:]))
        let outcome = await bench.pipeline(change: { catalog, _ in catalog.name = "others" }).run(RunRequest())
        guard case .ran(let renamed) = outcome else { throw RunError(code: "test", message: "\(outcome)") }
        #expect(renamed.error?.code == "catalog_changed" && renamed.error?.hint?.contains("abandon goods") == true)
        let moved = bench.pipeline(destination: { $0.baseURL = "http://127.0.0.2" })
        await #expect { _ = try await moved.plan() } throws: { ($0 as? RunError)?.code == "catalog_changed" }
        #expect(bench.catalogs.requests.count == 1)
    }

    @Test func withAnotherKeyEverythingIsPutAgainAndNothingDeletedUnasked() async throws {
        let bench = try await CatalogBench { _, destination in destination.keyHash = "one" }
        try await bench.setRows(["'a', 'Pen', 1, 1", "'b', 'Ink', 1, 1"])
        try await bench.run()
        try await bench.setRows(["'a', 'Pen', 1, 1"])
        bench.clock.advance(by: .seconds(120))
        let outcome = await bench.pipeline(destination: { $0.keyHash = "two" }).run(RunRequest())
        guard case .ran(let held) = outcome else { throw RunError(code: "test", message: "\(outcome)") }
        #expect(held.status == .held && held.held.map(\.guard) == ["api_key"], "\(held)")
        #expect(held.counts.planned == PerOperation(put: 1, delete: 1))
        let approved = await bench.pipeline(destination: { $0.keyHash = "two" }).run(.approve(held.id))
        guard case .ran(let run) = approved else { throw RunError(code: "test", message: "\(approved)") }
        #expect(run.status == .succeeded, "\(run)")
        let after = await bench.pipeline(destination: { $0.keyHash = "two" }).run(RunRequest())
        guard case .ran(let idle) = after else { throw RunError(code: "test", message: "\(after)") }
        #expect(idle.counts.unchanged == 1 && idle.counts.planned == PerOperation(), "\(idle)")
    }

    // MARK: The catalog and its fields

    @Test func aMissingCatalogIsMadeOnlyWhenThatIsAskedFor() async throws {
        let bench = try await CatalogBench { catalog, _ in catalog.create = false }
        try await bench.setRows(["'a', 'Pen', 1, 1"])
        let run = try await bench.run()
        #expect(run.error?.code == "catalog_missing" && run.status == .failed)
        #expect(bench.catalogs.creations == 0)
        await #expect(throws: RunError.self) { _ = try await bench.pipeline().plan() }
    }

    @Test func aCatalogThatIsThereIsAdoptedOnlyInPlainWords() async throws {
        let bench = try await CatalogBench()
        bench.catalogs.add("products", .init(items: ["x": "{}"], types: ["title": "string"]))
        try await bench.setRows(["'a', 'Pen', 1, 1"])
        #expect(try await bench.run().error?.code == "catalog_adopted")
        #expect(bench.catalogs.requests.isEmpty && bench.catalogs.typings.isEmpty)
        let run = try await bench.run { catalog, _ in catalog.documents = .replace }
        #expect(run.status == .succeeded)
        #expect(bench.catalogs.typings == [["price", "stock"]])
        // Its own now: it need not be said again.
        #expect(try await bench.run().status == .succeeded)
    }

    @Test func anotherTypeInIterableIsSaidBeforeAnythingIsSent() async throws {
        let bench = try await CatalogBench { catalog, _ in catalog.documents = .replace }
        bench.catalogs.add("products", .init(types: ["price": "long"]))
        try await bench.setRows(["'a', 'Pen', 1, 1"])
        let error = try #require(try await bench.run().error)
        #expect(error.code == "mapping_conflict" && error.message.contains("price"))
        #expect(error.hint?.contains("type: long") == true)
        #expect(bench.catalogs.requests.isEmpty && bench.catalogs.typings.isEmpty)
    }

    @Test func aFieldThatIsAPointInIterableIsNotToBeCast() async throws {
        let bench = try await CatalogBench { catalog, _ in
            catalog.documents = .replace
            catalog.fields = .only([
                FieldSetting(name: "home_geo_location", source: .column("title")),
                FieldSetting(name: "price", source: .column("price")),
            ])
        }
        try await bench.setRows(["'a', 'Pen', 1, 1"])
        bench.catalogs.add("products", .init(types: ["home_geo_location": "geo_location"]))
        let error = try #require(try await bench.run().error)
        #expect(error.code == "mapping_conflict")
        #expect(
            error.hint
                == "Write fields: home_geo_location: { column: [lat, lon], type: geo }, or send it under another name.")
        bench.catalogs.add("products", .init(types: ["price": "geo_location"]))
        let other = try #require(try await bench.run().error)
        #expect(other.code == "mapping_conflict" && other.hint?.hasPrefix("Send it under another name") == true)
        #expect(other.hint?.contains("price_geo_location: { column: [lat, lon], type: geo }") == true)
        #expect(bench.catalogs.requests.isEmpty && bench.catalogs.typings.isEmpty)
    }

    @Test func aCatalogThatIsGoneIsNotMadeAgain() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(["'a', 'Pen', 1, 1"])
        try await bench.run()
        bench.catalogs.remove("products")
        let run = try await bench.run()
        #expect(run.error?.code == "catalog_missing" && bench.catalogs.creations == 1)
        // Somebody makes it again: all items go up, and the fields get their types first.
        bench.catalogs.add("products")
        let next = try await bench.run()
        #expect(next.counts.succeeded == PerOperation(put: 1), "\(next)")
        #expect(bench.catalogs.types("products")?.count == 3)
    }

    @Test func aFieldThatGetsItsTypeLaterSendsEveryItemAgain() async throws {
        let bench = try await CatalogBench { catalog, _ in catalog.fields = .all(except: ["changed", "stock"]) }
        try await bench.setRows(["'a', 'Pen', 1, 1", "'b', 'Ink', 1, NULL"])
        try await bench.run()
        let run = try await bench.run { catalog, _ in catalog.fields = .all(except: ["changed"]) }
        #expect(run.counts.succeeded == PerOperation(put: 2), "an item without the field too: \(run.counts)")
        #expect(bench.catalogs.typings == [["price", "title"], ["stock"]])
        #expect(try await bench.run { catalog, _ in catalog.fields = .all(except: ["changed"]) }.counts.unchanged == 2)
    }

    @Test func aCreationOrTypingWithoutAnAnswerIsSettled() async throws {
        let bench = try await CatalogBench()
        bench.catalogs.loseCreation()
        bench.catalogs.loseTyping()
        try await bench.setRows(["'a', 'Pen', 1, 1"])
        let run = try await bench.run()
        #expect(run.status == .succeeded, "\(run)")
        #expect(bench.catalogs.items("products")?.count == 1 && bench.catalogs.types("products")?.count == 3)
    }

    // MARK: Guards

    @Test func tooManyDeletionsWaitForAPerson() async throws {
        let bench = try await CatalogBench()
        let rows = (1...120).map { "'k\($0)', 't', 1, 1" }
        try await bench.setRows(rows)
        try await bench.run()
        try await bench.setRows(Array(rows.prefix(60)))
        bench.clock.advance(by: .seconds(120))
        let held = try await bench.run()
        #expect(held.status == .held)
        #expect(
            held.held.map { $0.clause(held.kind) } == [
                "it would delete 50% (60 of 120) items, and guards.max_removals allows 25%"
            ])
        #expect(bench.catalogs.items("products")?.count == 120)
        let approved = try await bench.run(.approve(held.id))
        #expect(
            approved.status == .succeeded && approved.counts.succeeded == PerOperation(put: 0, delete: 60),
            "\(approved)")
        #expect(bench.catalogs.items("products")?.count == 60)
    }

    @Test func invalidRowsAndAnEmptySourceHoldARun() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(["'a', 'Pen', 1, 1", "'b/', 'Ink', 1, 1"])
        let run = try await bench.run { _, sync in sync.guards.maxInvalid = 20 }
        #expect(run.status == .held && run.held.map(\.guard) == ["max_invalid"])
        #expect(
            run.held.first?.clause(.catalog)
                == "50% (1 of 2) of the rows are invalid, and guards.max_invalid allows 20%")
        let next = try await bench.run(.forcedNew) { _, sync in sync.guards.maxInvalid = 50 }
        #expect(next.status == .completedWithFailures)
        try await bench.setRows([])
        #expect(try await bench.run().held.map(\.guard) == ["allow_empty"])
    }

    // MARK: Answers that are lost

    @Test func theSamePutIsRepeatedAtOnceAndAnotherWaits() async throws {
        let bench = try await CatalogBench { _, destination in destination.limits.settleSeconds = Self.day }
        try await bench.setRows(["'a', 'Pen', 1, 1"])
        try await bench.run()
        try await bench.setRows(["'a', 'Pen', 2, 1"])
        bench.catalogs.setFate { _, _ in .late(.seconds(70)) }
        let lost = try await bench.run()
        #expect(lost.counts.unknown == PerOperation(put: 1), "\(lost)")
        #expect(try await bench.snapshot() == ["sending a"])
        bench.catalogs.setFate { _, _ in .ok }
        try await bench.setRows(["'a', 'Pen', 3, 1"])
        let run = try await bench.run()
        #expect(run.status == .succeeded)
        bench.clock.advance(by: .seconds(600))
        #expect(
            bench.catalogs.items("products")?["a"]?.contains("3.0") == true, "no older object lands over the newer one")
        #expect(try await bench.snapshot() == ["synced a"])
    }

    /// The warehouse has the machine's clock, by which a test may take long.
    private static let day = 86_400.0

    @Test func anItemIsNotPutRightAfterItWasDeleted() async throws {
        let bench = try await CatalogBench { _, destination in destination.limits.settleSeconds = Self.day }
        try await bench.setRows(["'a', 'Pen', 1, 1", "'b', 'Ink', 1, 1"])
        try await bench.run()
        try await bench.setRows(["'b', 'Ink', 1, 1"])
        let began = bench.clock.uptime
        try await bench.run()
        #expect(bench.clock.uptime - began >= .seconds(Self.day - 3600), "what was put settles before it is deleted")
        try await bench.setRows(["'a', 'Pen', 1, 1", "'b', 'Ink', 1, 1"])
        let deleted = bench.clock.uptime
        try await bench.run()
        #expect(bench.clock.uptime - deleted >= .seconds(Self.day - 3600), "what was deleted settles before it is put")
        #expect(bench.catalogs.items("products")?.count == 2)
    }

    /// A run that was held began long before it deleted anything.
    @Test func anItemIsNotPutRightAfterAnApprovedRunHasDeletedIt() async throws {
        let bench = try await CatalogBench { _, destination in destination.limits.settleSeconds = Self.day }
        let rows = (1...120).map { "'k\($0)', 't', 1, 1" }
        try await bench.setRows(rows)
        try await bench.run()
        bench.clock.advance(by: .seconds(2 * Self.day))
        try await bench.setRows(Array(rows.prefix(60)))
        let held = try await bench.run()
        #expect(held.status == .held)
        try await bench.fixture.execute(
            "UPDATE rollcall_sync_runs SET started_at = '2020-01-01T00:00:00.000Z' WHERE run_id = '\(held.id)'")
        #expect(try await bench.run(.approve(held.id)).counts.succeeded == PerOperation(put: 0, delete: 60))
        try await bench.setRows(rows)
        let deleted = bench.clock.uptime
        #expect(try await bench.run().counts.succeeded == PerOperation(put: 60))
        #expect(bench.clock.uptime - deleted >= .seconds(Self.day - 3600), "what was deleted settles before it is put")
    }

    @Test func aRequestThatIsTooLargeOrRefusedIsSplit() async throws {
        let bench = try await CatalogBench { _, destination in destination.limits.catalog.recordsPerRequest = 8 }
        try await bench.setRows((1...8).map { "'k\($0)', 't', 1, 1" })
        bench.catalogs.setFate { request, _ in
            request.items.contains { $0.id == "k3" }
                ? .answer(.refused(FailureReason(code: "bad_request", reason: "no", httpStatus: 400))) : .ok
        }
        let run = try await bench.run()
        #expect(run.counts.succeeded == PerOperation(put: 7) && run.counts.failed == PerOperation(put: 1))
        #expect(try await bench.log(run).filter { $0.contains("failed") } == ["put failed bad_request k3"])
        // It is tried again by every run.
        bench.catalogs.setFate { _, _ in .ok }
        #expect(try await bench.run().counts.succeeded == PerOperation(put: 1))
    }

    // MARK: Looking

    @Test func aPlanSaysWhatWouldBeMadeAndWritesNothing() async throws {
        let bench = try await CatalogBench()
        _ = try await bench.fixture.warehouse.migrate()
        try await bench.setRows(["'a', 'Pen', 1, 1", "'b/', 'Ink', 1, 1"])
        let plan = try await bench.pipeline().plan()
        #expect(plan.kind == .catalog && plan.counts.planned == PerOperation(put: 1) && plan.counts.invalid == 1)
        #expect(
            plan.preparations == [
                "the catalog \"products\" is made",
                "fields get their types, for ever: price (double), stock (long), title (string)",
            ])
        #expect(bench.catalogs.creations == 0 && bench.catalogs.typings.isEmpty)
        let known = try await bench.fixture.warehouse.knownFields(destination: "marketing", scope: "catalog:products")
        #expect(known.isEmpty)
    }

    @Test func oneRecordIsTriedFirst() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(["'a', 'Pen', 1, 1", "'b', 'Ink', 1, 1", "'b/', 'x', 1, 1"])
        func only(_ key: String, full: Bool = false) -> RunRequest {
            var request = RunRequest()
            (request.only, request.full) = (key, full)
            return request
        }
        let first = try await bench.run(only("b"))
        #expect(first.counts.planned == PerOperation(put: 1) && first.counts.audience == 3, "\(first.counts)")
        #expect(bench.catalogs.items("products").map { Array($0.keys) } == ["b"])
        let unchanged = try await bench.run(only("b")).error
        #expect(unchanged?.code == "record_unchanged" && unchanged?.hint?.contains("with --full it is sent") == true)
        #expect(try await bench.run(only("b", full: true)).counts.succeeded == PerOperation(put: 1))
        #expect(try await bench.run(only("nothing")).error?.code == "record_unchanged")
        let absent = try await bench.run(only("nothing", full: true)).error
        #expect(absent?.code == "record_unchanged" && absent?.hint == "`rollcall why goods nothing` says why.")
        #expect(try await bench.run().counts.planned == PerOperation(put: 1), "the rest is for the next run")
        try await bench.setRows(["'a', 'Pens', 1, 1"])
        bench.clock.advance(by: .seconds(120))
        #expect(try await bench.run(only("b")).counts.succeeded == PerOperation(put: 0, delete: 1))
        #expect(bench.catalogs.items("products")?["a"]?.contains("Pens") == false)
        #expect(try await bench.pipeline().plan(only: "a").counts.planned == PerOperation(put: 1))
        let list = try await Bench()
        try await list.setAudience(addresses(1...2))
        #expect(try await list.run(only("a")).error?.code == "only_records")
    }

    @Test func whyTellsTheRowTheRecordAndTheNextStep() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(["'a', 'Pen', 1, 1", "'b', 'Ink', 1, 1", "'b', 'Inks', 1, 1", "'c', 'Pad', 1, 1"])
        try await bench.run()
        let good = try await bench.pipeline().why("a")
        #expect(good.rows.map(\.isValid) == [true] && good.members.map(\.member.state) == [.subscribed])
        #expect(good.nextStep == "nothing to do, Iterable has accepted it as the row says")
        #expect(good.records.map(\.operation) == ["put"])
        let twice = try await bench.pipeline().why("b")
        #expect(twice.rows.compactMap(\.failure?.code) == ["duplicate_key", "duplicate_key"])
        #expect(twice.nextStep == "nothing is sent; the row fails again until it is corrected")
        try await bench.setRows(["'a', 'Pen', 2, 1"])
        #expect(try await bench.pipeline().why("a").nextStep == "put a")
        #expect(try await bench.pipeline().why("c").nextStep.hasPrefix("delete c"))
        #expect(try await bench.pipeline().why("nothing").nextStep == "nothing to do")
    }

    @Test func hiddenKeysAreHiddenInTheLog() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(["'secret1', 'Pen', 1, 1", "'secret/2', 'Ink', 1, 1"])
        let run = try await bench.run { _, sync in sync.logs.identifiers = .hashed }
        #expect(try await bench.log(run).allSatisfy { !$0.contains("secret") && $0.contains("hash:") })
    }
}
