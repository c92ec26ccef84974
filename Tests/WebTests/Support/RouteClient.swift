import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

/// An answer, taken apart.
struct Answer: Sendable {
    var status: Int
    var headers: HTTPFields
    var body: String

    var json: [String: Any] {
        get throws {
            try #require(try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any], "\(body)")
        }
    }

    /// The objects of a page.
    var items: [[String: Any]] { get throws { try #require(try json["items"] as? [[String: Any]]) } }

    func header(_ name: String) -> String? { headers.first { $0.name.canonicalName == name.lowercased() }?.value }
}

/// Calls routes with a token.
struct RouteClient: Sendable {
    let client: any TestClientProtocol

    func get(_ path: String, token: String? = WebBench.readToken, _ more: [String: String] = [:]) async throws -> Answer
    {
        try await call(.get, path, token: token, more)
    }

    func post(
        _ path: String, token: String? = WebBench.operatorToken, json: String? = nil, _ more: [String: String] = [:]
    ) async throws -> Answer {
        var more = more
        if json != nil && more["content-type"] == nil { more["content-type"] = "application/json" }
        return try await call(.post, path, token: token, more, body: json)
    }

    func form(_ path: String, _ fields: [String: String], _ more: [String: String] = [:]) async throws -> Answer {
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        let body = fields.map { key, value in
            "\(key)=\(value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")"
        }.joined(separator: "&")
        let headers = more.merging(["content-type": "application/x-www-form-urlencoded"]) { given, _ in given }
        return try await call(.post, path, token: nil, headers, body: body)
    }

    func call(
        _ method: HTTPRequest.Method, _ path: String, token: String?, _ more: [String: String] = [:],
        body: String? = nil
    ) async throws -> Answer {
        var headers = HTTPFields()
        if let token { headers[.authorization] = "Bearer \(token)" }
        for (name, value) in more {
            let field = try #require(HTTPField.Name(name))
            headers[field] = value
        }
        let response = try await client.executeRequest(
            uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
        return Answer(
            status: response.status.code, headers: response.headers, body: String(buffer: response.body))
    }
}
