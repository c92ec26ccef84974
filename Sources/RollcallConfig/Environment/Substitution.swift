/// Replaces `${NAME}` and `${NAME:-default}`; `$${` stands for a literal `${`. Every other `$` stays as it is.
///
/// As in a shell, the default is taken when the variable is unset or empty. A default ends at the first `}` and is
/// taken unchanged.
struct Substitution: Sendable {
    enum Failure: Equatable {
        /// A variable without default that is not set; `reference` is how it stands in the file.
        case unset(name: String, reference: String)
        /// Something that begins like a reference and is none.
        case malformed(reference: String)
    }

    struct Outcome: Equatable {
        /// The text with everything replaced: never to be shown.
        var text = ""
        /// The text with every variable's value as one U+0001: what the file itself says, defaults included.
        var literal = ""
        /// Whether the text referred to the environment.
        var hasReferences = false
        var failures: [Failure] = []
    }

    static let placeholder: Character = "\u{1}"
    let environment: [String: String]

    func expand(_ text: String) -> Outcome {
        var outcome = Outcome()
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            outcome.append(rest[..<dollar])
            rest = rest[dollar...]
            if rest.hasPrefix("$${") {
                outcome.append("${")
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                rest = expandReference(rest, into: &outcome)
            } else {
                outcome.append("$")
                rest = rest.dropFirst()
            }
        }
        outcome.append(rest)
        return outcome
    }

    /// Takes the reference off the front of `text`; what follows it is returned.
    private func expandReference(_ text: Substring, into outcome: inout Outcome) -> Substring {
        outcome.hasReferences = true
        guard let close = text.firstIndex(of: "}") else {
            let line = text.prefix { !$0.isNewline }
            outcome.failures.append(.malformed(reference: String(line.prefix(2))))
            return text[text.endIndex...]
        }
        let body = text[text.index(text.startIndex, offsetBy: 2)..<close]
        let rest = text[text.index(after: close)...]
        let name = body.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        let fallback = body[name.endIndex...]
        guard Self.isName(name), fallback.isEmpty || fallback.hasPrefix(":-") else {
            outcome.failures.append(.malformed(reference: "${\(name)"))
            return rest
        }
        let value = environment[String(name)]
        if !fallback.isEmpty, value?.isEmpty ?? true {
            outcome.append(fallback.dropFirst(2))
        } else if let value {
            outcome.text += value
            outcome.literal.append(Self.placeholder)
            if !fallback.isEmpty { outcome.literal += fallback.dropFirst(2) }
        } else {
            outcome.failures.append(.unset(name: String(name), reference: "${\(name)"))
        }
        return rest
    }

    /// Whether a variable can be called so: letters, digits and `_`, no digit first.
    static func isName(_ text: Substring) -> Bool {
        guard let first = text.first, !first.isNumber else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }
}

extension Substitution.Outcome {
    fileprivate mutating func append(_ part: some StringProtocol) {
        text += part
        literal += part
    }
}
