import Foundation
import Hummingbird
import NIOCore
import RollcallCore

/// The bounds of what a request may be.
struct RequestLimits: Sendable {
    /// Bytes of a body.
    var bodyBytes = 65_536
    /// Seconds for a whole body to arrive.
    var bodySeconds = 30.0
    /// Bytes of the address with its query.
    var addressBytes = 8192
}

extension Request {
    /// The whole body, if it is not too large and comes in time.
    func wholeBody(_ context: WebContext, limits: RequestLimits) async throws -> ByteBuffer {
        let tooLarge = Problem(
            .contentTooLarge, "body_too_large", "The body may have \(limits.bodyBytes) bytes at most.")
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > limits.bodyBytes {
            context.closeSoon()
            throw tooLarge
        }
        let coding = headers.value("content-encoding")?.lowercased() ?? "identity"
        guard coding == "identity" else {
            throw Problem(.unsupportedMediaType, "content_encoding", "Compressed bodies are not taken.")
        }
        let body = body
        return try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
            group.addTask {
                var whole = ByteBuffer()
                for try await part in body {
                    guard whole.readableBytes + part.readableBytes <= limits.bodyBytes else {
                        context.closeSoon()
                        throw tooLarge
                    }
                    whole.writeImmutableBuffer(part)
                }
                return whole
            }
            group.addTask {
                try await Task.sleep(for: .seconds(limits.bodySeconds))
                context.closeSoon()
                throw Problem(.requestTimeout, "body_too_slow", "The body did not arrive in time.")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { return ByteBuffer() }
            return first
        }
    }

    /// The fields of an optional JSON object; empty where there is no body.
    /// - Parameter known: the names a field may have.
    func jsonFields<Value: Decodable>(
        _ type: Value.Type, known: [String], expected: String, _ context: WebContext, limits: RequestLimits
    ) async throws -> [String: Value] {
        let body = try await wholeBody(context, limits: limits)
        if body.readableBytes == 0 { return [:] }
        guard mediaType == "application/json" else {
            throw Problem(
                .unsupportedMediaType, "media_type", "The body must be JSON.",
                hint: "Send it with Content-Type: application/json.")
        }
        let data = Data(body.readableBytesView)
        guard let object = try? JSONSerialization.jsonObject(with: data, options: [.fragmentsAllowed]) else {
            throw Problem(.badRequest, "bad_json", "The body is not JSON.")
        }
        guard let fields = object as? [String: Any] else {
            throw Problem(.badRequest, "bad_body", "The body must be a JSON object.", hint: expected)
        }
        if let unknown = fields.keys.sorted().first(where: { !known.contains($0) }) {
            throw Problem(
                .badRequest, "unknown_field", "There is no field \"\(DisplayText.safe(unknown, limit: 60))\".",
                hint: Problem.naming(known))
        }
        guard let typed = try? JSONDecoder().decode([String: Value].self, from: data) else {
            throw Problem(.badRequest, "bad_field", "A field of the body has the wrong type.", hint: expected)
        }
        return typed
    }

    /// The fields of a form.
    func form(_ context: WebContext, limits: RequestLimits) async throws -> [String: String] {
        let body = try await wholeBody(context, limits: limits)
        guard mediaType == "application/x-www-form-urlencoded" else {
            throw Problem(.unsupportedMediaType, "media_type", "A form is expected.")
        }
        return Query.items(String(buffer: body)[...])
    }

    /// `text/csv` without its parameters, in lower case; empty where there is none.
    private var mediaType: String {
        let type = headers[.contentType] ?? ""
        return type.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
    }

    /// Whether the client asks for this type by name.
    func accepts(_ type: String) -> Bool {
        headers[.accept]?.lowercased().split(separator: ",").contains {
            $0.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces) == type
        } ?? false
    }
}

/// The items of a query string.
struct Query: Sendable {
    private let items: [String: String]

    /// - Parameter known: the names an item may have.
    /// - Throws: ``Problem`` for a name that is not known, so that a filter with a typing error does not mean everything.
    init(_ request: Request, known: [String]) throws(Problem) {
        items = Self.items((request.uri.query ?? "")[...])
        if let unknown = items.keys.sorted().first(where: { !known.contains($0) }) {
            throw Problem(
                .badRequest, "unknown_parameter", "There is no parameter \"\(DisplayText.safe(unknown, limit: 60))\".",
                hint: Problem.naming(known))
        }
    }

    subscript(name: String) -> String? { items[name] }

    /// A whole number in a range.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let text = items[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .badParameter(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// One of the values of an enumeration.
    func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, of type: Value.Type
    ) throws(Problem) -> Value? where Value.RawValue == String {
        guard let text = items[name] else { return nil }
        guard let value = Value(rawValue: text) else {
            throw .badParameter(name, "one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }

    /// A time: ISO 8601, or an age such as 30m, 12h, 2d, 3w.
    func time(_ name: String, now: Date = Date()) throws(Problem) -> Date? {
        guard let text = items[name] else { return nil }
        guard let time = PastTime.parse(text, now: now) else { throw .badParameter(name, PastTime.expected) }
        return time
    }

    /// Takes `a=1&b=2` apart; of repeated names the first counts.
    static func items(_ text: Substring) -> [String: String] {
        var items: [String: String] = [:]
        for item in text.split(separator: "&") {
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = plain(pair[0])
            if items[name] == nil { items[name] = pair.count == 2 ? plain(pair[1]) : "" }
        }
        return items
    }

    private static func plain(_ text: Substring) -> String {
        let spaced = text.replacingOccurrences(of: "+", with: " ")
        return spaced.removingPercentEncoding ?? spaced
    }
}

extension Problem {
    /// A hint with the names that a field or a parameter may have.
    fileprivate static func naming(_ known: [String]) -> String {
        known.isEmpty ? "None is known here." : "Known are \(known.joined(separator: ", "))."
    }
}

extension String {
    /// As one part of a path or one value of a query.
    var percentEncoded: String {
        addingPercentEncoding(withAllowedCharacters: Self.unreserved) ?? ""
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
