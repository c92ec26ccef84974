import Hummingbird

/// The description of the API (OpenAPI 3.1). Tests hold it against the routes and against real answers.
enum OpenAPIDocument {
    static let route = Route(.get, "/api/v1/openapi.json", .reader) { _, _ in
        Reply.text(text, type: "application/json")
    }

    /// The document.
    static let text = """
        {"openapi":"3.1.0","info":\(info),"security":[{"token":[]}],
        "paths":{
        \(paths),
        \(receiverPaths)
        },
        "components":{"securitySchemes":{"token":{"type":"http","scheme":"bearer"}},
        "responses":{"Problem":{"description":"Refused, or failed.","content":{"application/problem+json":{"schema":
        {"$ref":"#/components/schemas/Problem"}}}}},
        "schemas":{
        \(schemas),
        \(streamSchemas),
        \(receiverSchemas)
        }}}
        """

    private static let info = #"""
        {"title":"Rollcall","version":"1","summary":"Keeps lists, profiles and catalogs in Iterable equal to a warehouse, sends its events, and keeps what Iterable sends back.",
        "license":{"name":"See the repository"}}
        """#
}
