/// Why a body is no event. The raw values are the reasons in `iterable_rejects`.
package enum BodyProblem: String, Sendable, CaseIterable, Error {
    case notJSON = "not_json"
    case notUTF8 = "not_utf8"
    /// JSON, but no object.
    case notAnObject = "not_an_object"
    /// A member twice in one object: programs differ in which of them they take.
    case repeatedMember = "repeated_member"
    /// Half of a pair of `\uD83D\uDE00`, which no text in UTF-8 can have.
    case loneSurrogate = "lone_surrogate"
    /// More than ``ReceivedBody/deepest`` levels of objects and arrays.
    case tooDeep = "too_deep"

    /// For people, as the end of a sentence.
    package var meaning: String {
        switch self {
        case .notJSON: "is not valid JSON"
        case .notUTF8: "is not valid UTF-8"
        case .notAnObject: "is JSON, but not an object"
        case .repeatedMember: "has a member twice in one object"
        case .loneSurrogate: "has a lone surrogate, which is not a character"
        case .tooDeep: "has more than \(ReceivedBody.deepest) levels of objects and arrays"
        }
    }
}

extension BodyProblem: JSONProblem {}
