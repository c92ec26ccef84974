import Foundation
import HTTPTypes
import RollcallCore
import TestSupport
import Testing

@testable import Web

@Suite struct OpenAPITests {
    /// The document and the routes say the same, both ways.
    @Test func everyRouteIsDescribed() async throws {
        try await WebBench.with { bench in
            let document = try Schema.document()
            #expect(document["openapi"] as? String == "3.1.0")
            let paths = try #require(document["paths"] as? [String: [String: Any]])
            var described: Set<String> = []
            for (path, operations) in paths {
                for method in operations.keys where method != "parameters" {
                    described.insert("\(method.uppercased()) \(path)")
                }
            }
            let served = bench.server.routes.filter { !$0.isPage && !$0.path.hasPrefix("/assets/") }
                .map { "\($0.method.rawValue) \($0.path)" }
            #expect(described == Set(served))
        }
    }

    @Test func theDocumentIsWellFormed() throws {
        let document = try Schema.document()
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        var ids: Set<String> = []
        for (path, item) in paths {
            let parts = path.matches(of: /\{([a-z]+)\}/).map { String($0.output.1) }
            let names = (item["parameters"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
            #expect(Set(parts) == Set(names), "\(path)")
            for (method, value) in item where method != "parameters" {
                let operation = try #require(value as? [String: Any])
                let id = try #require(operation["operationId"] as? String)
                #expect(ids.insert(id).inserted)
                #expect((operation["responses"] as? [String: Any])?.isEmpty == false)
                #expect(operation["summary"] is String)
            }
        }
        // Every reference leads somewhere.
        for match in OpenAPIDocument.text.matches(of: /"\$ref":"#\/([A-Za-z\/]+)"/) {
            var place: Any? = document
            for part in match.output.1.split(separator: "/") { place = (place as? [String: Any])?[String(part)] }
            #expect(place != nil, "\(match.output.1)")
        }
    }

    /// Real answers have the shapes that are promised.
    @Test func realAnswersMatchTheirSchemas() async throws {
        try await WebBench.with(
            names: ["vip", "news"], people: 4,
            adjustSync: { sync in
                if sync.name == "vip" { sync.schedule = ScheduleSettings(every: .hour) }
            }
        ) { bench in
            bench.destination.refuse(["p1@example.com"])
            let run = try await bench.run()
            try await bench.fixture.execute("DELETE FROM people")
            let held = try await bench.run()
            #expect(held.status == .held)
            try await bench.routes { client in
                let checks: [(String, String)] = [
                    ("/api/v1/syncs", "SyncPage"), ("/api/v1/syncs/vip", "Sync"), ("/api/v1/syncs/news", "Sync"),
                    ("/api/v1/runs", "RunPage"), ("/api/v1/runs/\(run.id)", "Run"), ("/api/v1/runs/\(held.id)", "Run"),
                    ("/api/v1/runs/\(run.id)/records", "RecordPage"), ("/api/v1/syncs/vip/ticks", "TickPage"),
                    ("/api/v1/syncs/vip/why?identifier=p1@example.com", "Why"), ("/healthz", "Health"),
                    ("/readyz", "Ready"), ("/v2/retl-connections/vip/syncs/\(run.id)", "TriggerStatus"),
                    ("/api/v1/runs/none", "Problem"),
                ]
                for (path, schema) in checks {
                    let answer = try await client.get(path)
                    let wrong = try Schema.violations(of: schema, in: answer.body)
                    #expect(wrong.isEmpty, "\(path): \(wrong)")
                }
                let busy = try await client.post("/api/v1/syncs/vip/runs")
                #expect(busy.status == 409)
                #expect(try Schema.violations(of: "Problem", in: busy.body).isEmpty)
                let served = try await client.get("/api/v1/openapi.json")
                #expect(served.body == OpenAPIDocument.text)
            }
        }
    }

    @Test func theCheckerSeesWhatIsWrong() throws {
        #expect(try !Schema.violations(of: "PerOperation", in: "{\"subscribe\":1}").isEmpty)
        #expect(try !Schema.violations(of: "PerOperation", in: "{\"subscribe\":-1,\"unsubscribe\":0}").isEmpty)
        #expect(try !Schema.violations(of: "PerOperation", in: "{\"subscribe\":1,\"unsubscribe\":\"0\"}").isEmpty)
        #expect(try !Schema.violations(of: "PerOperation", in: "{\"subscribe\":1,\"unsubscribe\":0,\"x\":1}").isEmpty)
        #expect(try Schema.violations(of: "PerOperation", in: "{\"subscribe\":1,\"unsubscribe\":0}").isEmpty)
        #expect(
            try !Schema.violations(of: "TriggerStatus", in: "{\"id\":\"1\",\"status\":\"done\",\"error\":null}").isEmpty
        )
    }
}

/// As much of JSON Schema as the document uses.
enum Schema {
    static func document() throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(OpenAPIDocument.text.utf8))
        return try #require(object as? [String: Any])
    }

    /// What is wrong with a JSON text, one line each.
    static func violations(of name: String, in text: String) throws -> [String] {
        let value = try JSONSerialization.jsonObject(with: Data(text.utf8), options: [.fragmentsAllowed])
        let document = try document()
        let components = try #require(document["components"] as? [String: Any])
        let schemas = try #require(components["schemas"] as? [String: [String: Any]])
        return check(value, ["$ref": "#/components/schemas/\(name)"], schemas, "$")
    }

    private static func check(
        _ value: Any, _ schema: [String: Any], _ schemas: [String: [String: Any]], _ place: String
    ) -> [String] {
        if let reference = schema["$ref"] as? String {
            guard let target = schemas[String(reference.split(separator: "/").last ?? "")] else {
                return ["\(place): unknown \(reference)"]
            }
            return check(value, target, schemas, place)
        }
        if let choices = schema["oneOf"] as? [[String: Any]] {
            let results = choices.map { check(value, $0, schemas, place) }
            return results.contains { $0.isEmpty } ? [] : results.first ?? []
        }
        let types = (schema["type"] as? [String]) ?? (schema["type"] as? String).map { [$0] } ?? []
        guard types.isEmpty || types.contains(where: { isOf($0, value) }) else { return ["\(place): not \(types)"] }
        if value is NSNull { return [] }
        var wrong: [String] = []
        if let allowed = schema["enum"] as? [String], let text = value as? String, !allowed.contains(text) {
            wrong.append("\(place): \(text) is none of \(allowed)")
        }
        if let least = schema["minimum"] as? Int, let number = value as? Int, number < least {
            wrong.append("\(place): \(number) is less than \(least)")
        }
        if schema["format"] as? String == "date-time", let text = value as? String,
            text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) == nil
        {
            wrong.append("\(place): \(text) is no time")
        }
        if let items = schema["items"] as? [String: Any], let array = value as? [Any] {
            for (index, item) in array.enumerated() { wrong += check(item, items, schemas, "\(place)[\(index)]") }
        }
        if let object = value as? [String: Any] { wrong += checkFields(object, schema, schemas, place) }
        return wrong
    }

    private static func checkFields(
        _ object: [String: Any], _ schema: [String: Any], _ schemas: [String: [String: Any]], _ place: String
    ) -> [String] {
        let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
        var wrong: [String] = []
        for name in schema["required"] as? [String] ?? [] where object[name] == nil {
            wrong.append("\(place): \(name) is missing")
        }
        for (name, value) in object {
            if let property = properties[name] {
                wrong += check(value, property, schemas, "\(place).\(name)")
            } else if schema["additionalProperties"] as? Bool == false {
                wrong.append("\(place): \(name) is not described")
            }
        }
        return wrong
    }

    private static func isOf(_ type: String, _ value: Any) -> Bool {
        let isBool = "\(Swift.type(of: value))".contains("Bool")
        switch type {
        case "null": return value is NSNull
        case "string": return value is String
        case "boolean": return value is Bool && isBool
        case "integer": return value is Int && !isBool
        case "number": return value is Double && !isBool || value is Int && !isBool
        case "array": return value is [Any]
        case "object": return value is [String: Any]
        default: return false
        }
    }
}
