/// One key of the configuration. The keys are defined once, as data: the check for unknown keys, types and ranges, and
/// the JSON Schema, both follow from them.
struct ConfigurationKey: Sendable {
    let name: String
    private(set) var kind: ValueKind
    /// What it means, in a sentence or two.
    let summary: String
    /// With ``variants``: only where the selector of the section has one of them.
    var isRequired = false
    var defaultValue: JSONValue?
    var example: JSONValue?
    /// Its value is never shown.
    var isSecret = false
    /// Only sections whose selector has one of these values have it; empty: all do.
    var variants: [String] = []
    /// What may stand there where the selector has one of these values; of the other values ``kind`` holds, which allows all
    /// that these allow.
    var kinds: [String: ValueKind] = [:]
    /// Values of the selector with which the key may be left out although it is required.
    var optionalIn: [String] = []

    init(
        _ name: String, _ kind: ValueKind, _ summary: String, isRequired: Bool = false,
        defaultValue: JSONValue? = nil, example: JSONValue? = nil, isSecret: Bool = false,
        variants: [String] = [], kinds: [String: ValueKind] = [:], optionalIn: [String] = []
    ) {
        self.name = name
        self.kind = kind
        self.summary = summary
        self.isRequired = isRequired
        self.defaultValue = defaultValue
        self.example = example
        self.isSecret = isSecret
        self.variants = variants
        self.kinds = kinds
        self.optionalIn = optionalIn
    }

    /// Whether sections whose selector has this value must have it.
    func isRequired(in variant: String) -> Bool {
        isRequired && variants.contains(variant) && !optionalIn.contains(variant)
    }

    /// The key as sections have it whose selector has this value.
    func narrowed(to variant: String) -> ConfigurationKey {
        var key = self
        key.kind = kinds[variant] ?? kind
        key.isRequired = isRequired(in: variant)
        return key
    }
}

enum WarehouseType: String, Sendable, CaseIterable {
    case sqlite
    case postgres
}

/// What may stand behind a key.
indirect enum ValueKind: Sendable {
    case text(TextRule)
    case boolean
    case integer(ClosedRange<Int64>)
    case number(NumberRange)
    case choice([String])
    /// A list of such words.
    case choices([String])
    /// `25%` or a count.
    case removalLimit
    /// `25%`.
    case share
    /// A whole number and a unit of time, such as `15m`; of at least this number of seconds, and at most that. nil: as long as spans
    /// may be.
    case span(minimum: Int, maximum: Int? = nil)
    /// A whole number and a unit of bytes, such as `1MB`; the range is in bytes.
    case size(ClosedRange<Int64>)
    /// A text, number or truth value, each as what it is.
    case constant
    /// A list of texts, and how many it may have.
    case texts(ClosedRange<Int>)
    /// A mapping with fixed keys.
    case section(ConfigurationSection)
    /// A mapping from names of the user's choice to mappings with fixed keys.
    case named(ConfigurationSection)
    case list(ConfigurationSection)
    /// A mapping from names of the user's choice to values of one kind.
    case valuesByName(ValueKind)
    /// A value of one of several kinds, which the form of the value tells.
    case anyOf([ValueKind])
}

/// Bounds of a text.
struct TextRule: Sendable {
    var allowsEmpty = false
    /// In bytes of UTF-8.
    var maximumBytes: Int?
    /// ECMA 262 pattern of the whole text, for the JSON Schema; the reader checks it in its own words.
    var pattern: String?
}

/// Bounds of a number that may have a fraction.
struct NumberRange: Sendable {
    var minimum: Double
    var maximum: Double
    var excludesMinimum = false

    func contains(_ value: Double) -> Bool {
        value <= maximum && (excludesMinimum ? value > minimum : value >= minimum)
    }

    var words: String {
        let low = Self.plain(minimum)
        let high = Self.plain(maximum)
        return excludesMinimum ? "a number above \(low), at most \(high)" : "a number from \(low) to \(high)"
    }

    private static func plain(_ value: Double) -> String {
        value == value.rounded() ? String(Int64(value)) : String(value)
    }
}

/// A mapping with fixed keys.
struct ConfigurationSection: Sendable {
    let keys: [ConfigurationKey]
    /// Exactly one of these keys must be there; empty: no such rule. Of a section with a selector its own reader says so.
    var exactlyOneOf: [String] = []
    /// At least one of these keys must be there; empty: no such rule. For the JSON Schema; the reader says so in its own words.
    var atLeastOneOf: [String] = []
    /// The key whose value says which of the other keys there may be.
    var selector: Selector?

    struct Selector: Sendable {
        var key: String
        var values: [String]
        /// What holds where the key is left out; nil: it must be there.
        var defaultValue: String?
    }

    func key(named name: String) -> ConfigurationKey? { keys.first { $0.name == name } }
}

extension ValueKind {
    /// What was expected, for messages.
    var words: String {
        switch self {
        case .text(let rule): rule.allowsEmpty ? "text" : "text that is not empty"
        case .boolean: "true or false"
        case .integer(let range) where range.upperBound == .max: "a whole number, \(range.lowerBound) or more"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let range): range.words
        case .choice(let words): TextLayout.alternatives(words)
        case .choices(let words): "a list of \(TextLayout.alternatives(words))"
        case .removalLimit: "a percentage such as 25%, or a count such as 500"
        case .share: "a percentage such as 20%"
        case .span(let minimum, let maximum?): "a span from \(minimum)s to \(maximum)s"
        case .span(let minimum, nil): "a span such as 15m or 7d\(minimum > 0 ? ", \(minimum)s or more" : "")"
        case .size: "a size such as 500KB, 1MB or 1GB"
        case .constant: "a text, a number, true or false"
        case .texts(let count) where count.lowerBound == count.upperBound: "a list of \(count.lowerBound) texts"
        case .texts: "a list of texts"
        case .valuesByName(let kind): "a mapping from names to \(kind.words)"
        case .anyOf(let kinds): TextLayout.alternatives(kinds.map(\.words))
        case .section(let section): "a mapping with the keys \(section.keys.map(\.name).joined(separator: ", "))"
        case .named: "a mapping from names to settings"
        case .list: "a list; each item begins with \"- \""
        }
    }

    /// Whether an empty value means the same as leaving the key out, as when everything below it is commented out.
    var isMapping: Bool {
        switch self {
        case .section, .named, .valuesByName: true
        default: false
        }
    }

    /// The bounds of a text, where one may stand there.
    var textRule: TextRule? {
        switch self {
        case .text(let rule): rule
        case .choice: TextRule()
        case .anyOf(let kinds): kinds.lazy.compactMap(\.textRule).first
        default: nil
        }
    }

    /// The fixed keys below, if any.
    var nested: ConfigurationSection? {
        switch self {
        case .section(let section), .named(let section), .list(let section): section
        default: nil
        }
    }
}
