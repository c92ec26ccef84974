internal import RollcallCore
internal import Yams

/// A single value, its references replaced.
private struct Scalar {
    /// Never to be shown.
    var text: String
    var original: String
    var literal: String
    var position: Position
    /// Text for sure: quoted, and not brought in from the environment.
    var isQuoted: Bool
    var hasReferences: Bool

    func located<Value>(_ value: Value, path: String) -> Located<Value> {
        Located(value: value, position: position, path: path, original: original, literal: literal)
    }
}

/// Each method reads the value of one key; nil when the key is missing or its value wrong, which is reported.
extension SectionReader {
    /// A single value as text; a number or a truth value without quotes is none.
    func text(_ key: ConfigurationKey) -> Located<String>? {
        guard let scalar = scalar(key), let rule = key.kind.textRule else { return nil }
        if !key.isSecret, !scalar.isQuoted, !scalar.hasReferences, let kind = Self.otherType(of: scalar.text) {
            reportWrong(key, scalar, "is \(kind), not text", suggestion: TextLayout.quoted(scalar.original))
            return nil
        }
        if !rule.allowsEmpty, scalar.text.allSatisfy(\.isWhitespace) {
            let source = scalar.hasReferences ? " (its environment variable is)" : ""
            context.report(at: scalar.position, path: path(of: key.name), "\(path(of: key.name)) is empty\(source)")
            return nil
        }
        if let most = rule.maximumBytes, scalar.text.utf8.count > most {
            reportWrong(key, scalar, "is longer than \(most) bytes")
            return nil
        }
        return scalar.located(scalar.text, path: path(of: key.name))
    }

    /// A text, number or truth value, as what it is by the way it is written.
    func constant(_ key: ConfigurationKey) -> FieldConstant? {
        guard let scalar = scalar(key) else { return nil }
        if scalar.isQuoted { return FieldConstant(text: scalar.text, type: .string) }
        if scalar.text == "true" || scalar.text == "false" { return FieldConstant(text: scalar.text, type: .boolean) }
        if scalar.text.wholeMatch(of: /-?[0-9]+/) != nil { return FieldConstant(text: scalar.text, type: .long) }
        if scalar.text.wholeMatch(of: /-?[0-9]+\.[0-9]+/) != nil {
            return FieldConstant(text: scalar.text, type: .double)
        }
        if let kind = Self.otherType(of: scalar.text) {
            reportWrong(
                key, scalar, "is \(kind) of a form that is not taken here",
                hint: "Write true, false or decimal digits; or put it in quotes, if it is a text.")
            return nil
        }
        return FieldConstant(text: scalar.text, type: .string)
    }

    func boolean(_ key: ConfigurationKey) -> Bool? {
        guard let scalar = scalar(key) else { return nil }
        if !scalar.isQuoted {
            if scalar.text == "true" { return true }
            if scalar.text == "false" { return false }
        }
        let meant: String? =
            switch scalar.original.lowercased() {
            case "yes", "y", "on", "true", "1": "true"
            case "no", "n", "off", "false", "0": "false"
            default: nil
            }
        reportWrong(
            key, scalar, "is not true or false", suggestion: meant,
            hint: meant == nil ? nil : "Only true and false are taken, in lower case and without quotes.")
        return nil
    }

    func integer(_ key: ConfigurationKey) -> Int64? {
        guard let scalar = scalar(key), case .integer(let range) = key.kind else { return nil }
        let text = scalar.text.trimmed(when: scalar.hasReferences)
        guard !scalar.isQuoted, text.wholeMatch(of: /[+-]?[0-9]+/) != nil else {
            reportWrong(key, scalar, "is not a whole number", suggestion: Self.integerMeant(by: scalar.original))
            return nil
        }
        guard let number = Int64(text), range.contains(number) else {
            reportWrong(key, scalar, "is out of range")
            return nil
        }
        return number
    }

    func number(_ key: ConfigurationKey) -> Double? {
        guard let scalar = scalar(key), case .number(let range) = key.kind else { return nil }
        let text = scalar.text.trimmed(when: scalar.hasReferences)
        let form = /[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?/
        guard !scalar.isQuoted, text.wholeMatch(of: form) != nil, let number = Double(text) else {
            reportWrong(key, scalar, "is not a number", suggestion: Self.numberMeant(by: scalar.original))
            return nil
        }
        guard number.isFinite, range.contains(number) else {
            reportWrong(key, scalar, "is out of range")
            return nil
        }
        return number
    }

    /// One of fixed words. `meant` knows other words for them; `guesses`: near misses are offered too.
    func choice<Choice: RawRepresentable<String>>(
        _ key: ConfigurationKey, of type: Choice.Type, guesses: Bool = true,
        meant: (String) -> String? = { _ in nil }
    ) -> Located<Choice>? {
        guard let scalar = scalar(key), case .choice(let words) = key.kind else { return nil }
        guard let value = Choice(rawValue: scalar.text.trimmed(when: scalar.hasReferences)) else {
            let near = guesses ? Suggestion.nearest(to: scalar.original, among: words) : nil
            let suggestion = meant(scalar.original) ?? near
            reportWrong(key, scalar, "is not one of the choices", suggestion: suggestion.map(TextLayout.quoted))
            return nil
        }
        return scalar.located(value, path: path(of: key.name))
    }

    /// Text of a key whose own grammar tells its type (`25%`, `10`), with whether it was certainly meant as text.
    func freeText(_ key: ConfigurationKey) -> (value: Located<String>, isQuoted: Bool)? {
        guard let scalar = scalar(key) else { return nil }
        let text = scalar.text.trimmed(when: scalar.hasReferences)
        return (scalar.located(text, path: path(of: key.name)), scalar.isQuoted)
    }

    func reportWrong(
        _ key: ConfigurationKey, _ value: Located<String>, _ what: String, suggestion: String? = nil,
        expected: String? = nil, hint: String? = nil
    ) {
        let shown = key.isSecret ? "" : " \(TextLayout.quoted(value.original))"
        context.report(
            at: value.position, path: path(of: key.name), "\(path(of: key.name))\(shown) \(what)",
            expected: expected ?? key.kind.words, suggestion: suggestion, hint: hint)
    }

    private func reportWrong(
        _ key: ConfigurationKey, _ scalar: Scalar, _ what: String, suggestion: String? = nil, hint: String? = nil
    ) {
        let source = scalar.hasReferences ? " (its value is taken from the environment)" : ""
        reportWrong(
            key, scalar.located(scalar.text, path: path), what + source,
            suggestion: scalar.hasReferences ? nil : suggestion, hint: hint)
    }

    private func scalar(_ key: ConfigurationKey) -> Scalar? {
        guard let entry = entries[key.name] else { return nil }
        let keyPath = path(of: key.name)
        let position = context.document.position(of: entry.node)
        guard case .scalar(let scalar) = entry.node else {
            context.report(
                at: position, path: keyPath, "\(keyPath) is \(entry.node.kindWords), not a single value",
                expected: key.kind.words)
            return nil
        }
        guard !scalar.isNull else {
            context.report(
                at: entry.position, path: keyPath, "\(keyPath) has no value", expected: key.kind.words,
                hint: key.isRequired ? nil : "Give it a value, or take the line out.")
            return nil
        }
        let tag = scalar.tag.rawValue
        guard tag.isEmpty || tag == "!" || tag.hasPrefix("tag:yaml.org,2002:") else {
            context.report(
                at: position, path: keyPath, "\(keyPath) has the tag \(TextLayout.quoted(tag))",
                expected: "a plain value without a tag")
            return nil
        }
        guard let outcome = context.expand(scalar.string, at: position, path: keyPath) else { return nil }
        return Scalar(
            text: outcome.text, original: scalar.string, literal: outcome.literal, position: position,
            isQuoted: scalar.isCertainlyText && !outcome.hasReferences, hasReferences: outcome.hasReferences)
    }

    /// What a word without quotes is to YAML 1.2 when it is no text; nil when it is text.
    private static func otherType(of text: String) -> String? {
        switch text {
        case "true", "True", "TRUE", "false", "False", "FALSE": return "a truth value"
        default: break
        }
        // To look for a number costs much beside the rest, so most texts are passed over by how they begin.
        guard let first = text.utf8.first, UInt8(ascii: "0")...UInt8(ascii: "9") ~= first || "+-.".utf8.contains(first)
        else { return nil }
        if text.wholeMatch(of: /[+-]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+/) != nil { return "a number" }
        if text.wholeMatch(of: /[+-]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][+-]?[0-9]+)?/) != nil { return "a number" }
        return nil
    }

    /// The whole number that another way of writing it means: `1_000`, `1,000`, `1000.0`.
    static func integerMeant(by text: String) -> String? {
        let digits = text.filter { $0 != "_" && $0 != "," && $0 != " " && $0 != "'" }
        if digits.wholeMatch(of: /[0-9]+/) != nil { return digits }
        return digits.wholeMatch(of: /([0-9]+)\.0+/).map { String($0.output.1) }
    }

    private static func numberMeant(by text: String) -> String? {
        let plain = text.replacing(",", with: ".").filter { $0 != "_" && $0 != " " }
        if plain.wholeMatch(of: /[0-9]+(\.[0-9]+)?/) != nil { return plain }
        return plain.wholeMatch(of: /([0-9]+(\.[0-9]+)?)(s|sec|seconds)/).map { String($0.output.1) }
    }
}

extension String {
    fileprivate func trimmed(when condition: Bool) -> String {
        condition ? String(self[...].trimmingBlanks()) : self
    }
}
