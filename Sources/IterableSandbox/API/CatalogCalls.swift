import Foundation

/// Body of PUT for the types of fields.
private struct MappingsBody: Decodable, Sendable {
    struct Update: Decodable, Sendable {
        let fieldName: String
        let fieldType: String
        let children: JSONValue?
    }
    let mappingsUpdates: [Update]
}

/// Body of the bulk upload.
private struct UploadBody: Decodable, Sendable {
    let documents: [String: [String: JSONValue]]
    let replaceUploadedFieldsOnly: Bool
}

/// Body of the bulk deletion.
private struct DeletionBody: Decodable, Sendable {
    let itemIds: [String]
}

/// Body of PUT for one item.
private struct ReplacementBody: Decodable, Sendable {
    let value: [String: JSONValue]
}

/// Body of PATCH for one item.
private struct UpdateBody: Decodable, Sendable {
    let update: [String: JSONValue]
}

/// Catalogs and their items. Changes of items are answered with 202 and take effect at once, or after
/// ``SandboxOptions/catalogItemsAfterSeconds``, in the order in which they were accepted.
enum CatalogCalls {
    private static let items = "/api/catalogs/:catalogName/items"
    private static let item = "/api/catalogs/:catalogName/items/:itemId"
    private static let mappings = "/api/catalogs/:catalogName/fieldMappings"
    /// Source: Iterable's API description, `PUT /api/catalogs/{catalogName}/fieldMappings`.
    private static let fieldTypes: Set<String> = [
        "boolean", "date", "geo_location", "long", "double", "object", "string",
    ]
    /// Bytes of one document, documents of one request, fields of one catalog.
    private static let (maxDocumentBytes, maxDocuments, maxFields) = (30_000, 1000, 350)

    static let endpoints: [Endpoint] = [
        .plain("GET", "/api/catalogs", limit: .perSecond(100)) { call, state, _ in try names(call, state) },
        .plain("POST", "/api/catalogs/:catalogName") { call, state, _ in try create(call, &state) },
        .plain("DELETE", "/api/catalogs/:catalogName") { call, state, _ in
            _ = try catalog(call, state)
            state.catalogs[call.parameter("catalogName").lowercased()] = nil
            return .success()
        },
        .plain("GET", items, limit: .perSecond(100)) { call, state, _ in try allItems(call, state) },
        .plain("GET", item, limit: .perSecond(100)) { call, state, _ in try oneItem(call, state) },
        Endpoint("POST", items, limit: .perSecond(100)) { call in
            let body = try call.decode(UploadBody.self)
            return PreparedCall(rowCount: body.documents.count) { state, moment in
                try upload(body, call, &state, moment)
            }
        },
        .decoding(DeletionBody.self, "DELETE", items) { body, call, state, moment in
            try change(call, &state, moment, body.itemIds.map { ($0, .delete) })
        },
        .plain("DELETE", item) { call, state, moment in
            try change(call, &state, moment, [(call.parameter("itemId"), .delete)])
        },
        .plain("GET", mappings) { call, state, _ in try fieldMappings(call, state) },
        .decoding(MappingsBody.self, "PUT", mappings) { body, call, state, _ in try setMappings(body, call, &state) },
        .decoding(ReplacementBody.self, "PUT", item, limit: .perSecond(1000)) { body, call, state, moment in
            try write([call.parameter("itemId"): body.value], merging: false, call, &state, moment)
        },
        .decoding(UpdateBody.self, "PATCH", item, limit: .perSecond(1000)) { body, call, state, moment in
            try write([call.parameter("itemId"): body.update], merging: true, call, &state, moment)
        },
    ]

    private static func names(_ call: APICall, _ state: SandboxState) throws -> Reply {
        let names = state.catalogs.values.map(\.name).sorted()
        let page = try page(names, call, path: "/api/catalogs")
        var params = page.links
        params["catalogNames"] = .array(page.elements.map { ["name": .string($0)] })
        params["totalCatalogsCount"] = .int(names.count)
        return .success(params: .object(params))
    }

    private static func create(_ call: APICall, _ state: inout SandboxState) throws -> Reply {
        let name = call.parameter("catalogName")
        guard isName(name) else { throw refusal(400, "BadRequest", "Invalid catalog name", "invalidName", [name]) }
        guard state.catalogs[name.lowercased()] == nil else {
            throw refusal(400, "BadRequest", "Catalog already exists: \(name)", "alreadyExists", [name])
        }
        state.catalogs[name.lowercased()] = Catalog(name: name)
        return .envelope("Success", "", params: ["name": .string(name)], status: 201)
    }

    private static func fieldMappings(_ call: APICall, _ state: SandboxState) throws -> Reply {
        let catalog = try catalog(call, state)
        let untyped = Set(catalog.items.values.flatMap(\.value.keys)).subtracting(catalog.mappings.keys)
        return .success(
            params: [
                "definedMappings": .object(catalog.mappings.mapValues { .string($0) }),
                "undefinedFields": .strings(untyped.sorted()),
            ])
    }

    /// A type that is set stays.
    private static func setMappings(
        _ body: MappingsBody, _ call: APICall, _ state: inout SandboxState
    ) throws -> Reply {
        var catalog = try catalog(call, state)
        for update in body.mappingsUpdates {
            guard fieldTypes.contains(update.fieldType), !update.fieldName.isEmpty, !update.fieldName.contains(".")
            else {
                throw refusal(
                    400, "BadRequest", "Invalid field mapping", "invalidFieldMapping",
                    [update.fieldName, update.fieldType])
            }
            if let known = catalog.mappings[update.fieldName], known != update.fieldType {
                throw refusal(
                    400, "BadRequest", "The type of a field cannot be changed", "fieldTypeConflict",
                    [update.fieldName, known])
            }
            catalog.mappings[update.fieldName] = update.fieldType
        }
        guard catalog.mappings.count <= maxFields else {
            throw refusal(400, "BadRequest", "Too many fields: at most \(maxFields)", "tooManyFields", [catalog.name])
        }
        state.catalogs[catalog.name.lowercased()] = catalog
        return .success()
    }

    private static func upload(
        _ body: UploadBody, _ call: APICall, _ state: inout SandboxState, _ moment: Moment
    ) throws -> Reply {
        guard body.documents.count <= maxDocuments else {
            throw refusal(400, "BadRequest", "Too many documents: at most \(maxDocuments)", "tooManyDocuments", [])
        }
        return try write(body.documents, merging: body.replaceUploadedFieldsOnly, call, &state, moment)
    }

    private static func write(
        _ documents: [String: [String: JSONValue]], merging: Bool, _ call: APICall, _ state: inout SandboxState,
        _ moment: Moment
    ) throws -> Reply {
        let known = try catalog(call, state)
        for (id, document) in documents {
            guard isName(id) else { throw refusal(400, "BadRequest", "Invalid item id", "invalidItemId", [id]) }
            guard !document.keys.contains(where: { $0.contains(".") }) else {
                throw refusal(400, "BadRequest", "Field names must not contain a dot", "invalidFieldName", [id])
            }
            guard JSONValue.object(document).encoded().count <= maxDocumentBytes else {
                throw refusal(400, "BadRequest", "Document too large", "documentTooLarge", [id])
            }
        }
        let fields = known.fields.union(documents.values.flatMap(\.keys))
        guard fields.count <= maxFields else {
            throw refusal(400, "BadRequest", "Too many fields: at most \(maxFields)", "tooManyFields", [known.name])
        }
        return try change(
            call, &state, moment, documents.map { ($0.key, .put($0.value, merging: merging, time: moment.time)) })
    }

    /// Changes items, or will, and answers that this was accepted.
    private static func change(
        _ call: APICall, _ state: inout SandboxState, _ moment: Moment, _ changes: [(id: String, Catalog.Change)]
    ) throws -> Reply {
        var catalog = try catalog(call, state)
        let key = catalog.name.lowercased()
        // So that its items are not copied.
        state.catalogs[key] = nil
        let due = moment.now + .seconds(state.options.catalogItemsAfterSeconds)
        for (id, change) in changes { catalog.change(id, change, due: due, now: moment.now) }
        state.catalogs[key] = catalog
        return .envelope("Success", "Request for \(catalog.name) processed successfully", status: 202)
    }

    private static func allItems(_ call: APICall, _ state: SandboxState) throws -> Reply {
        let catalog = try catalog(call, state)
        let page = try page(catalog.items.keys.sorted(), call, path: "/api/catalogs/\(catalog.name)/items")
        var params = page.links
        params["catalogItemsWithProperties"] = .array(page.elements.map { itemJSON($0, catalog) })
        params["totalItemsCount"] = .int(catalog.items.count)
        return .success(params: .object(params))
    }

    private static func oneItem(_ call: APICall, _ state: SandboxState) throws -> Reply {
        let catalog = try catalog(call, state)
        let id = call.parameter("itemId")
        guard catalog.items[id] != nil else {
            throw refusal(404, "NotFound", "Catalog item not found: \(id)", "itemNotFound", [catalog.name, id])
        }
        return .success(params: itemJSON(id, catalog))
    }

    private static func itemJSON(_ id: String, _ catalog: Catalog) -> JSONValue {
        let value = JSONValue.object(catalog.items[id]?.value ?? [:])
        let modified = Date(timeIntervalSince1970: catalog.items[id]?.modifiedAt ?? 0)
        return [
            "catalogName": .string(catalog.name), "itemId": .string(id), "value": value,
            "size": .int(value.encoded().count), "lastModified": .string(modified.formatted(.iso8601)),
        ]
    }

    private static func catalog(_ call: APICall, _ state: SandboxState) throws -> Catalog {
        let name = call.parameter("catalogName")
        guard let catalog = state.catalogs[name.lowercased()] else {
            throw refusal(404, "NotFound", "Catalog not found: \(name)", "notFound", [name])
        }
        return catalog
    }

    /// One page of a sequence with the addresses of its neighbours.
    private static func page<Element>(
        _ all: [Element], _ call: APICall, path: String
    ) throws -> (elements: ArraySlice<Element>, links: [String: JSONValue]) {
        let (page, size) = (try call.integer("page") ?? 1, try call.integer("pageSize") ?? 10)
        guard (1...1_000_000).contains(page), (1...1000).contains(size) else {
            throw refusal(400, "BadRequest", "Invalid page or pageSize", "invalidPage", [])
        }
        var links: [String: JSONValue] = [:]
        if page * size < all.count { links["nextPageUrl"] = .string("\(path)?page=\(page + 1)&pageSize=\(size)") }
        if page > 1 { links["previousPageUrl"] = .string("\(path)?page=\(page - 1)&pageSize=\(size)") }
        return (all.dropFirst((page - 1) * size).prefix(size), links)
    }

    /// 1 to 255 letters, digits and dashes.
    private static func isName(_ name: String) -> Bool {
        (1...255).contains(name.utf8.count)
            && name.unicodeScalars.allSatisfy { $0 == "-" || $0.properties.isAlphabetic || ("0"..."9").contains($0) }
    }

    /// Catalogs have an envelope of their own for errors.
    private static func refusal(
        _ status: Int, _ error: String, _ message: String, _ code: String, _ arguments: [String]
    ) -> Refusal {
        let body: JSONValue = [
            "error": .string(error), "message": .string(message), "code": .string("error.catalogs.\(code)"),
            "data": ["args": .strings(arguments)],
        ]
        return Refusal(.json(body, status: status, reason: message))
    }
}
