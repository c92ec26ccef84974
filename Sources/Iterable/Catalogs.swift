import Foundation
import IterableProtocol
import NIOHTTP1
package import RollcallCore

extension IterableClient {
    /// `GET /api/catalogs`: the names of the project's catalogs, in Iterable's order. A hundred calls a second.
    package func catalogs() async throws(DestinationError) -> [String] {
        var names: [String] = []
        for page in 1...Self.mostPages {
            let path = "/api/catalogs?page=\(page)&pageSize=\(Self.pageSize)"
            let answer = try await answer(to: APICall(path: path, maximumAnswerBytes: 16 << 20))
            guard let body = try? JSONDecoder().decode(CatalogsBody.self, from: Data(answer.body)) else {
                throw AnswerClassifier.unreadable(status: answer.status, changesSomething: false)
            }
            let found = body.params.catalogNames.map(\.name)
            names += found
            // The page size is the server's to choose: an empty page is the end in any case.
            if found.isEmpty || names.count >= body.params.totalCatalogsCount { return names }
        }
        return names
    }

    /// Iterable gives at most this many names a page. Source: its own TypeScript client.
    private static let pageSize = 100
    /// Against a server that never ends: 100,000 catalogs.
    private static let mostPages = 1000

    /// `GET /api/catalogs/{name}/fieldMappings`: the fields of a catalog by name, those without a type last; nil: the project
    /// has no such catalog.
    package func fields(ofCatalog name: String) async throws(DestinationError) -> [RemoteField]? {
        let answer: HTTPAnswer
        do throws(DestinationError) {
            answer = try await self.answer(
                to: APICall(path: Self.catalogPath(name, "/fieldMappings"), maximumAnswerBytes: 16 << 20))
        } catch  where error.error.code == "route_not_found" {
            // Another call tells a catalog that is missing from an address that is not Iterable's, and from one that was just
            // made. Iterable compares names without regard to case.
            guard try await catalogs().contains(where: { $0.lowercased() == name.lowercased() }) else { return nil }
            return []
        }
        guard let body = try? JSONDecoder().decode(MappingsBody.self, from: Data(answer.body)) else {
            throw AnswerClassifier.unreadable(status: answer.status, changesSomething: false)
        }
        let typed = body.params.definedMappings.map { RemoteField(name: $0.key, type: $0.value) }
        let untyped = body.params.undefinedFields.map { RemoteField(name: $0, type: nil) }
        return typed.sorted { $0.name < $1.name } + untyped.sorted { $0.name < $1.name }
    }

    /// `POST /api/catalogs/{name}`: makes an empty catalog.
    package func createCatalog(_ name: String) async throws(DestinationError) {
        _ = try await answer(to: APICall(method: .POST, path: Self.catalogPath(name)))
    }

    /// `PUT /api/catalogs/{name}/fieldMappings`: gives fields their types, which stay for ever. May be repeated.
    package func setTypes(_ fields: [RemoteField], ofCatalog name: String) async throws(DestinationError) {
        let updates = fields.compactMap { field in field.type.map { TypedField(fieldName: field.name, fieldType: $0) } }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let body = try? encoder.encode(["mappingsUpdates": updates]) else {
            throw DestinationError(
                error: RunError(code: "field_name_invalid", message: "A field's name cannot be written as JSON."),
                isTransient: false)
        }
        _ = try await answer(
            to: APICall(method: .PUT, path: Self.catalogPath(name, "/fieldMappings"), body: Array(body)))
    }

    static func catalogPath(_ name: String, _ rest: String = "") -> String {
        "/api/catalogs/\(pathSegment(name))\(rest)"
    }

    /// A name as one segment of a path, whatever is in it.
    static func pathSegment(_ name: String) -> String {
        let allowed = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~")
        return name.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    }
}

/// What Iterable puts around the answers of catalogs, or leaves out (its description shows the content alone).
private struct Enveloped<Content: Decodable>: Decodable {
    var params: Content

    enum CodingKeys: CodingKey { case params }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        params =
            container.contains(.params)
            ? try container.decode(Content.self, forKey: .params) : try Content(from: decoder)
    }
}

private typealias CatalogsBody = Enveloped<CatalogNames>
private typealias MappingsBody = Enveloped<FieldMappings>

private struct TypedField: Encodable {
    var fieldName: String
    var fieldType: String
}

private struct CatalogNames: Decodable {
    struct Entry: Decodable { var name: String }
    var catalogNames: [Entry]
    var totalCatalogsCount: Int
}

private struct FieldMappings: Decodable {
    var definedMappings: [String: String]
    var undefinedFields: [String]
}
