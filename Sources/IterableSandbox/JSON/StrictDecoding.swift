import Foundation

/// Why a body was refused, in the form of the API's answer.
struct BodyFault: Error, Equatable {
    /// What stands in `params`: the path of the faulty value (`obj.subscribers[1].email`) and what was expected there.
    var params: JSONValue
    /// The same in one line, for the log.
    var reason: String
}

/// Decodes a body as strictly as the API does: a member of the wrong type refuses the whole request,
/// members that are not known are ignored, `null` counts as absent where a member is optional.
func decodeStrictly<Body: Decodable>(_ type: Body.Type, from data: Data) throws(BodyFault) -> Body {
    do {
        return try JSONDecoder().decode(type, from: data)
    } catch let error as DecodingError {
        throw bodyFault(of: error)
    } catch {
        throw BodyFault(params: nil, reason: "not JSON")
    }
}

private func bodyFault(of error: DecodingError) -> BodyFault {
    switch error {
    case .keyNotFound(let key, let context):
        let path = objectPath(context.codingPath + [key])
        let missing: JSONValue = [["msg": "error.path.missing", "args": []]]
        return BodyFault(params: .object([path: missing]), reason: "\(path): error.path.missing")
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
        return mismatch(at: context.codingPath, expected: expectation(of: type))
    default:
        return BodyFault(params: nil, reason: "not JSON")
    }
}

private func mismatch(at codingPath: [any CodingKey], expected: String) -> BodyFault {
    let path = objectPath(codingPath)
    return BodyFault(params: .object([path: .string(expected)]), reason: "\(path): \(expected)")
}

/// `obj.subscribers[1].email`: the way the API names a place in a body.
private func objectPath(_ codingPath: [any CodingKey]) -> String {
    codingPath.reduce("obj") { path, key in
        if let index = key.intValue { "\(path)[\(index)]" } else { "\(path).\(key.stringValue)" }
    }
}

private func expectation(of type: any Any.Type) -> String {
    if type == String.self { return "String value expected" }
    if type == Bool.self { return "Boolean value expected" }
    if type == Int.self || type == Double.self { return "Number value expected" }
    return String(describing: type).hasPrefix("Array") ? "Array value expected" : "Object value expected"
}

/// A number without a fraction. Unlike `Int`, it names its place when the number has one or is too large.
struct WholeNumber: Decodable, Sendable {
    let value: Int

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            value = try container.decode(Int.self)
        } catch let error as DecodingError {
            throw error
        } catch {
            // Foundation reports a fraction by an error of its own, which knows no place.
            throw DecodingError.typeMismatch(
                Int.self, .init(codingPath: decoder.codingPath, debugDescription: "not a whole number"))
        }
    }
}
