internal import Yams

/// What all readers of one load share.
final class ReadingContext {
    let document: YAMLDocument
    let source: SourceText
    let substitution: Substitution
    let problems: ProblemCollector
    /// Folder of the configuration, absolute.
    let folder: String

    init(
        document: YAMLDocument, source: SourceText, substitution: Substitution, problems: ProblemCollector,
        folder: String
    ) {
        self.document = document
        self.source = source
        self.substitution = substitution
        self.problems = problems
        self.folder = folder
    }

    func report(
        at position: Position, path: String, _ message: String, expected: String? = nil, suggestion: String? = nil,
        hint: String? = nil
    ) {
        problems.report(
            problem(at: position, path: path, message, expected: expected, suggestion: suggestion, hint: hint))
    }

    func warn(
        at position: Position, path: String, _ message: String, suggestion: String? = nil, hint: String? = nil
    ) {
        problems.warn(problem(at: position, path: path, message, expected: nil, suggestion: suggestion, hint: hint))
    }

    private func problem(
        at position: Position, path: String, _ message: String, expected: String?, suggestion: String?, hint: String?
    ) -> ConfigurationProblem {
        ConfigurationProblem(
            file: problems.file, line: position.line, column: position.column, path: path, message: message,
            expected: expected, suggestion: suggestion, hint: hint)
    }

    /// A relative path counted from the configuration's folder.
    func absolutePath(_ path: String) -> String {
        path.hasPrefix("/") ? path : folder.hasSuffix("/") ? folder + path : "\(folder)/\(path)"
    }

    /// Replaces `${NAME}`; nil when that failed, which is reported.
    func expand(_ text: String, at position: Position, path: String) -> Substitution.Outcome? {
        let outcome = substitution.expand(text)
        for failure in outcome.failures { report(failure, at: position, path: path) }
        guard outcome.failures.isEmpty else { return nil }
        if outcome.text.contains("\0") {
            report(at: position, path: path, "\(path) contains a NUL character")
            return nil
        }
        return outcome
    }

    private func report(_ failure: Substitution.Failure, at position: Position, path: String) {
        switch failure {
        case .unset(let name, let reference):
            report(
                at: source.position(of: reference, from: position), path: path,
                "the environment variable \(name) is not set (\(path))",
                hint: "Set it (export \(name)=…), write \(name)=… into a file .env beside the configuration, or give a "
                    + "default: ${\(name):-default}.")
        case .malformed(let reference):
            report(
                at: source.position(of: reference, from: position), path: path,
                "this is no reference to an environment variable (\(path))",
                expected: "${NAME} or ${NAME:-default}",
                hint: "Names have letters, digits and _. For a literal ${ write $${.")
        }
    }
}

/// A value with the place it came from.
struct Located<Value> {
    var value: Value
    var position: Position
    var path: String
    /// As the file has it, before anything was replaced.
    var original: String
    /// The text as the file itself says it: see ``Substitution/Outcome/literal``.
    var literal: String

    func map<Other>(_ transform: (Value) -> Other) -> Located<Other> {
        Located<Other>(
            value: transform(value), position: position, path: path, original: original, literal: literal)
    }
}

extension Located: Sendable where Value: Sendable {}
