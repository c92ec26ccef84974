internal import RollcallCore

/// The JSON Schema (draft 2020-12) of `rollcall.yaml`, made from the same keys that the reader checks.
package enum ConfigurationSchema {
    /// The schema as indented JSON text, with a newline at the end.
    package static let json = document.rendered() + "\n"

    /// Matches text that refers to the environment; what it stands for can only be judged when it is read.
    private static let reference = #"\$\{"#

    private static var document: JSONValue {
        var members: [JSONValue.Member] = [
            .init("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
            .init("title", .string("Rollcall configuration")),
            .init(
                "description",
                .string(
                    "rollcall.yaml: what of which warehouses is kept equal in which Iterable projects. ${NAME} and "
                        + "${NAME:-default} are replaced from the environment in every value.")),
        ]
        members += sectionMembers(RootKeys.section, allowsEmpty: false)
        return .object(members)
    }

    private static func sectionMembers(_ section: ConfigurationSection, allowsEmpty: Bool) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init("type", allowsEmpty ? .strings(["object", "null"]) : .string("object")),
            .init("additionalProperties", .boolean(false)),
        ]
        let required = section.keys.filter { $0.isRequired && $0.variants.isEmpty }.map(\.name)
        if !required.isEmpty { members.append(.init("required", .strings(required))) }
        members.append(
            .init("properties", .object(section.keys.map { JSONValue.Member($0.name, .object(schema(of: $0))) })))
        for (rule, keys) in [("oneOf", section.exactlyOneOf), ("anyOf", section.atLeastOneOf)] where !keys.isEmpty {
            let choices = keys.map { JSONValue.object([.init("required", .strings([$0]))]) }
            members.append(.init(rule, .array(choices)))
        }
        if let selector = section.selector {
            members.append(
                .init("allOf", .array(selector.values.map { condition(of: $0, selector, in: section) })))
        }
        return members
    }

    /// What a section whose selector has one value must and must not have.
    private static func condition(
        of value: String, _ selector: ConfigurationSection.Selector, in section: ConfigurationSection
    ) -> JSONValue {
        var condition = [
            JSONValue.Member(
                "properties", .object([.init(selector.key, .object([.init("const", .string(value))]))]))
        ]
        // A property that is missing fits any schema.
        if value != selector.defaultValue { condition.append(.init("required", .strings([selector.key]))) }
        let isType = JSONValue.object(condition)
        let foreign = section.keys.filter { !$0.variants.isEmpty && !$0.variants.contains(value) }
        let own = section.keys.filter { $0.isRequired(in: value) }.map(\.name)
        let refused = foreign.map { JSONValue.Member($0.name, .boolean(false)) }
        let then = JSONValue.object([
            .init("required", .strings(own)),
            .init("properties", .object(refused + narrowed(section, to: value))),
        ])
        return .object([.init("if", isType), .init("then", then)])
    }

    /// The keys of which less may stand there than in sections whose selector has another value.
    private static func narrowed(_ section: ConfigurationSection, to value: String) -> [JSONValue.Member] {
        section.keys.compactMap { key in
            guard let kind = key.kinds[value] else { return nil }
            return JSONValue.Member(key.name, .object(schema(of: kind, isRequired: key.isRequired)))
        }
    }

    private static func schema(of key: ConfigurationKey) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [.init("description", .string(key.summary))]
        if let value = key.defaultValue { members.append(.init("default", value)) }
        if let example = key.example { members.append(.init("examples", .array([example]))) }
        return members + schema(of: key.kind, isRequired: key.isRequired)
    }

    private static func schema(of kind: ValueKind, isRequired: Bool) -> [JSONValue.Member] {
        switch kind {
        case .text(let rule): return text(rule)
        case .boolean: return orReference([.init("type", .string("boolean"))])
        case .integer(let range): return orReference(integer(range))
        case .number(let range):
            return orReference([
                .init("type", .string("number")),
                .init(range.excludesMinimum ? "exclusiveMinimum" : "minimum", .number(range.minimum)),
                .init("maximum", .number(range.maximum)),
            ])
        case .choice(let words): return orReference([.init("enum", .strings(words))])
        case .choices(let words):
            return [
                .init("type", .string("array")), .init("minItems", .integer(1)),
                .init("items", .object([.init("enum", .strings(words))])),
            ]
        case .removalLimit:
            let count = JSONValue.object([.init("type", .string("integer")), .init("minimum", .integer(0))])
            return [.init("anyOf", .array([count, .object(schema(of: .share, isRequired: true))]))]
        case .share:
            return [
                .init("type", .string("string")),
                .init("pattern", .string(#"^(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%$|\$\{"#)),
            ]
        case .span: return text(TextRule(pattern: TimeSpan.pattern))
        case .size: return text(TextRule(pattern: ByteSize.pattern))
        case .constant: return [.init("type", .strings(["string", "number", "boolean"]))]
        case .texts(let count): return texts(count)
        case .valuesByName(let kind):
            return [
                .init("type", isRequired ? .string("object") : .strings(["object", "null"])),
                .init("additionalProperties", .object(schema(of: kind, isRequired: true))),
            ]
        case .anyOf(let kinds):
            return [.init("anyOf", .array(kinds.map { .object(schema(of: $0, isRequired: true)) }))]
        case .section(let section): return sectionMembers(section, allowsEmpty: !isRequired)
        case .named(let section): return named(section, isRequired: isRequired)
        case .list(let section):
            return [
                .init("type", .strings(["array", "null"])),
                .init("items", .object(sectionMembers(section, allowsEmpty: false))),
            ]
        }
    }

    private static func text(_ rule: TextRule) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [.init("type", .string("string"))]
        if !rule.allowsEmpty { members.append(.init("minLength", .integer(1))) }
        if let most = rule.maximumBytes { members.append(.init("maxLength", .integer(Int64(most)))) }
        if let pattern = rule.pattern {
            let isOpen = pattern.contains(reference)
            members.append(.init("pattern", .string(isOpen ? pattern : "\(pattern)|\(reference)")))
        }
        return members
    }

    private static func texts(_ count: ClosedRange<Int>) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init("type", .string("array")),
            .init("items", .object([.init("type", .string("string")), .init("minLength", .integer(1))])),
            .init("minItems", .integer(Int64(count.lowerBound))),
        ]
        if count.upperBound != .max { members.append(.init("maxItems", .integer(Int64(count.upperBound)))) }
        return members
    }

    private static func integer(_ range: ClosedRange<Int64>) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init("type", .string("integer")), .init("minimum", .integer(range.lowerBound)),
        ]
        if range.upperBound != .max { members.append(.init("maximum", .integer(range.upperBound))) }
        return members
    }

    private static func named(_ section: ConfigurationSection, isRequired: Bool) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init("type", isRequired ? .string("object") : .strings(["object", "null"])),
            .init("propertyNames", .object([.init("pattern", .string(RootKeys.namePattern))])),
            .init("additionalProperties", .object(sectionMembers(section, allowsEmpty: false))),
        ]
        if isRequired { members.append(.init("minProperties", .integer(1))) }
        return members
    }

    /// A value of a type other than text may also be a reference to the environment.
    private static func orReference(_ members: [JSONValue.Member]) -> [JSONValue.Member] {
        let text = JSONValue.object([
            .init("type", .string("string")), .init("pattern", .string(reference)),
        ])
        return [.init("anyOf", .array([.object(members), text]))]
    }
}
