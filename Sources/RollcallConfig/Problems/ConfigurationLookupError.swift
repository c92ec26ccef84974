/// A name was asked for that the configuration does not have.
package struct ConfigurationLookupError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        case sync
        case warehouse
        case destination
        case receiver
    }

    package var kind: Kind
    package var name: String
    /// Name that was probably meant.
    package var suggestion: String?
    /// All names there are, in the order of the file.
    package var known: [String]
    package var file: String

    init(kind: Kind, name: String, known: [String], file: String) {
        self.kind = kind
        self.name = name
        self.known = known
        self.file = file
        suggestion = Suggestion.nearest(to: name, among: known)
    }

    package var description: String {
        let start = "\(file): there is no \(kind.rawValue) \(TextLayout.quoted(name))"
        if let suggestion { return start + "; did you mean \(TextLayout.quoted(suggestion))?" }
        guard !known.isEmpty else { return start + "; the file has none" }
        let shown = known.prefix(20).joined(separator: ", ") + (known.count > 20 ? ", …" : "")
        return start + "; there are: \(shown)"
    }
}
