import HTTPTypes
import Testing

@testable import IterableSandbox

@Suite("Events, catalogs and project")
struct EventAndCatalogTests {
    @Test("Events belong to known users; the same id is one event; blocked names are a success")
    func track() async throws {
        try await withAPI({ $0.disallowedEventNames = ["secret"] }) { api in
            api.sandbox.addUser(email: "a@shop.com")
            let event = #"{"email":"a@shop.com","eventName":"sync","id":"1234","createdAt":1700000000}"#
            let tracked = try await api(.post, "/api/events/track", event)
            #expect(tracked["msg"] == "Event with id: 1234 tracked.")
            #expect(tracked["params", "id"] == "1234")
            _ = try await api(.post, "/api/events/track", event)
            #expect(try await api(.get, "/sandbox/state")["eventCount"] == 1)
            let blocked = try await api(.post, "/api/events/track", #"{"email":"a@shop.com","eventName":"secret"}"#)
            #expect(blocked.status == 200)
            #expect(blocked.text.contains("disallowed from tracking"))
            for body in [
                #"{"email":"a@shop.com"}"#, #"{"eventName":"x"}"#, #"{"email":"b@shop.com","eventName":"x"}"#,
            ] {
                #expect(try await api(.post, "/api/events/track", body).status == 400)
            }
            #expect(api.sandbox.userCount == 1)
        }
    }

    @Test("trackBulk lists what failed; a wrong type refuses everything")
    func trackBulk() async throws {
        try await withAPI { api in
            api.sandbox.addUser(email: "a@shop.com")
            let answer = try await api(
                .post, "/api/events/trackBulk",
                #"{"events":[{"email":"a@shop.com","eventName":"x"},{"userId":"u1","eventName":"x"},"#
                    + #"{"email":"bad","eventName":"x"}]}"#)
            #expect((answer["successCount"], answer["failCount"]) == (1, 2))
            #expect(answer.failures == ["notFoundUserIds": ["u1"], "invalidEmails": ["bad"]])
            let wrong = try await api(
                .post, "/api/events/trackBulk",
                #"{"events":[{"eventName":"x"},{"eventName":"x","createdAt":"today"}]}"#)
            #expect(wrong["params", "obj.events[1].createdAt"] == "Number value expected")
            let empty = try await api(.post, "/api/events/trackBulk", #"{"events":[]}"#)
            #expect((empty.status, empty["successCount"]) == (200, 0))
        }
    }

    @Test("A field of a catalog has a type once it is given one, and keeps it")
    func fieldMappings() async throws {
        try await withAPI { api in
            let mappings = "/api/catalogs/Shops/fieldMappings"
            #expect(try await api(.get, mappings).status == 404)
            #expect(try await api(.post, "/api/catalogs/Shops").status == 201)
            let upload = #"{"documents":{"a":{"city":"Rome","n":1}},"replaceUploadedFieldsOnly":false}"#
            #expect(try await api(.post, "/api/catalogs/Shops/items", upload).status == 202)
            func update(_ field: String, _ type: String) async throws -> Int {
                let body = #"{"mappingsUpdates":[{"fieldName":"\#(field)","fieldType":"\#(type)"}]}"#
                return try await api(.put, mappings, body).status
            }
            #expect(try await update("city", "string") == 200)
            #expect(try await update("city", "string") == 200)
            #expect(try await update("city", "long") == 400)
            #expect(try await update("price", "double") == 200)
            #expect(try await update("price", "money") == 400)
            #expect(try await update("a.b", "long") == 400)
            let found = try await api(.get, mappings)
            #expect(found["params", "definedMappings"] == ["city": "string", "price": "double"])
            #expect(found["params", "undefinedFields"] == ["n"])
        }
    }

    @Test("Catalogs and their items")
    func catalogs() async throws {
        try await withAPI { api in
            #expect(try await api(.post, "/api/catalogs/Shops").status == 201)
            #expect(try await api(.post, "/api/catalogs/shops").status == 400)
            #expect(try await api(.post, "/api/catalogs/bad_name").status == 400)
            let upload = #"{"documents":{"a-1":{"city":"Rome","n":1},"a-2":{"city":"Oslo"}},"#
            let items = "/api/catalogs/Shops/items"
            let whole = upload + #""replaceUploadedFieldsOnly":false}"#
            #expect(try await api(.post, items, whole).status == 202)
            #expect(try await api(.post, items, upload + #""x":1}"#).status == 400)
            #expect(try await api(.patch, items + "/a-1", #"{"update":{"n":2}}"#).status == 202)
            let item = try await api(.get, items + "/a-1")
            #expect(item["params", "value"] == ["city": "Rome", "n": 2])
            #expect(try await api(.put, items + "/a-1", #"{"value":{"z":1}}"#).status == 202)
            #expect(try await api(.get, items + "/a-1")["params", "value"] == ["z": 1])
            let all = try await api(.get, items + "?pageSize=1")
            #expect(all["params", "totalItemsCount"] == 2)
            #expect(all["params", "nextPageUrl"] != nil)
            #expect(try await api(.delete, items, #"{"itemIds":["a-1"]}"#).status == 202)
            #expect(try await api(.get, items + "/a-1").status == 404)
            #expect(try await api(.get, "/api/catalogs")["params", "totalCatalogsCount"] == 1)
            #expect(try await api(.delete, "/api/catalogs/Shops").status == 200)
            let missing = try await api(.get, "/api/catalogs/Shops/items")
            #expect(missing.status == 404)
            #expect(missing["error"] == "NotFound")
            #expect(missing["code"] == "error.catalogs.notFound")
            #expect(missing["data", "args"] == ["Shops"])
        }
    }

    @Test("What was accepted for a catalog may be carried out later, in the order in which it was accepted")
    func lateItems() async throws {
        let clock = ManualClock()
        try await withAPI({ $0.catalogItemsAfterSeconds = 5 }, clock: clock) { api async throws in
            let items = "/api/catalogs/Shops/items"
            #expect(try await api(.post, "/api/catalogs/Shops").status == 201)
            let upload = #"{"documents":{"a":{"n":1},"b":{"n":1}},"replaceUploadedFieldsOnly":false}"#
            #expect(try await api(.post, items, upload).status == 202)
            clock.advance(3)
            #expect(try await api(.patch, items + "/a", #"{"update":{"z":2}}"#).status == 202)
            #expect(try await api(.delete, items + "/b").status == 202)
            #expect(try await api(.get, items + "/a").status == 404)
            #expect(try await api(.get, items)["params", "totalItemsCount"] == 0)
            #expect(api.sandbox.pendingCatalogChanges == 4)
            clock.advance(2)
            #expect(api.sandbox.catalogItems("shops") == ["a": #"{"n":1}"#, "b": #"{"n":1}"#])
            #expect(try await api(.get, "/sandbox/state", key: nil)["pendingCatalogChanges"] == 2)
            clock.advance(3)
            #expect(api.sandbox.catalogItems("shops") == ["a": #"{"n":1,"z":2}"#])
            // A catalog that is deleted meanwhile stays deleted, and before their time changes are carried out on request.
            #expect(try await api(.put, items + "/c", #"{"value":{"n":3}}"#).status == 202)
            #expect(try await api(.delete, "/api/catalogs/Shops").status == 200)
            #expect(try await api(.post, "/api/catalogs/Shops").status == 201)
            clock.advance(6)
            #expect(api.sandbox.catalogItems("shops") == [:] && api.sandbox.pendingCatalogChanges == 0)
            #expect(try await api(.put, items + "/d", #"{"value":{"n":4}}"#).status == 202)
            api.sandbox.carryOutCatalogChanges()
            #expect(api.sandbox.catalogItems("shops") == ["d": #"{"n":4}"#])
        }
    }

    @Test("A value that was written before its field had a type is shown as such")
    func untypedFields() async throws {
        try await withAPI { api async throws in
            let items = "/api/catalogs/Shops/items"
            #expect(api.sandbox.untypedCatalogFields("Shops") == nil)
            #expect(try await api(.post, "/api/catalogs/Shops").status == 201)
            #expect(try await api(.put, items + "/a", #"{"value":{"city":"Rome","n":1}}"#).status == 202)
            let types = #"{"mappingsUpdates":[{"fieldName":"city","fieldType":"string"}]}"#
            #expect(try await api(.put, "/api/catalogs/Shops/fieldMappings", types).status == 200)
            #expect(api.sandbox.untypedCatalogFields("Shops") == ["city", "n"])
            #expect(try await api(.patch, items + "/a", #"{"update":{"city":"Rome"}}"#).status == 202)
            #expect(api.sandbox.untypedCatalogFields("Shops") == ["n"], "written again, with its type")
            let shown = try await api(.get, "/sandbox/catalogs/shops/items", key: nil).text
            #expect(shown.contains(#""untypedFields":["n"]"#) && shown.contains(#""pendingChanges":0"#), "\(shown)")
            #expect(try await api(.get, "/sandbox/catalogs/other/items", key: nil).status == 404)
        }
    }

    @Test("Channels and message types answer")
    func project() async throws {
        try await withAPI { api in
            let channels = try await api(.get, "/api/channels")
            #expect(channels["channels"] != nil)
            let types = try await api(.get, "/api/messageTypes")
            #expect(types["messageTypes"] != nil)
        }
    }
}
