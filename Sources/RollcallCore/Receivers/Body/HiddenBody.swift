/// A body whose identifiers are hidden wherever the same value stands: in values, inside longer texts, in names of members.
struct HiddenBody {
    private let body: ReceivedBody
    private let search: IdentifierSearch
    private let values: Set<String>
    private let hiding: IdentifierHiding

    /// Iterable's own numbers: one that happens to be a person's userId stays.
    private static let numbers: [StaticString] = [
        "campaignId", "templateId", "messageTypeId", "messageTypeIds", "channelId", "channelIds", "workflowId",
        "experimentId", "contentId", "linkId", "emailListIds", "userListIds",
    ]

    init(_ body: ReceivedBody, _ hiding: IdentifierHiding) {
        self.body = body
        self.hiding = hiding
        values = Set(body.identifiers)
        search = IdentifierSearch(values, hiding)
    }

    func text(_ text: String) -> String {
        search.replacing(Array(text.utf8)[...]).map { String(decoding: $0, as: UTF8.self) } ?? text
    }

    func payload() -> [UInt8] {
        var changes: [(node: Int, content: [UInt8])] = []
        var areNumbersKept = 0
        var hasNewNames = false
        for (index, node) in body.nodes.enumerated() {
            guard let content = change(node, keepsNumbers: index < areNumbersKept) else {
                if node.kind == .name, isNumber(node) { areNumbersKept = Int(body.nodes[index + 1].next) }
                continue
            }
            hasNewNames = hasNewNames || node.kind == .name
            changes.append((index, content))
        }
        return body.rewritten(hasNewNames ? withDistinctNames(changes) : changes)
    }

    private func change(_ node: BodyNode, keepsNumbers: Bool) -> [UInt8]? {
        switch node.kind {
        case .name, .string:
            let content = body.content(node)
            let kept = node.hasNUL ? ReceivedBody.withoutNUL(content)[...] : content
            return search.replacing(kept) ?? (node.hasNUL ? Array(kept) : nil)
        case .number where !keepsNumbers:
            let text = String(decoding: body.bytes[Int(node.start)..<Int(node.end)], as: UTF8.self)
            return values.contains(text) ? Array(hiding.of(text).utf8) : nil
        case .object, .array, .number, .word: return nil
        }
    }

    private func isNumber(_ name: BodyNode) -> Bool {
        let content = body.content(name)
        return Self.numbers.contains { known in
            content.count == known.utf8CodeUnitCount
                && content.elementsEqual(UnsafeBufferPointer(start: known.utf8Start, count: known.utf8CodeUnitCount))
        }
    }

    /// Two identifiers may be masked alike; as names in one object they get numbers, since a member may not come twice.
    private func withDistinctNames(_ changes: [(node: Int, content: [UInt8])]) -> [(node: Int, content: [UInt8])] {
        var contents = Dictionary(uniqueKeysWithValues: changes.map { ($0.node, $0.content) })
        for object in body.nodes where object.kind == .object {
            let names = body.sortedNames[Int(object.names)..<Int(object.names + object.count)].map { Int($0) }
            guard names.contains(where: { contents[$0] != nil }) else { continue }
            var taken = Set(names.filter { contents[$0] == nil }.map { Array(body.content(body.nodes[$0])) })
            // Of each content, the number that may be free next: all below it are taken.
            var numbers: [[UInt8]: Int] = [:]
            for name in names {
                guard let content = contents[name] else { continue }
                var distinct = content
                while !taken.insert(distinct).inserted {
                    let number = numbers[content, default: 2]
                    distinct = content + "#\(number)".utf8
                    numbers[content] = number + 1
                }
                contents[name] = distinct
            }
        }
        return changes.map { ($0.node, contents[$0.node] ?? $0.content) }
    }
}

extension ReceivedBody {
    /// What the body is known to name its person by, numbers as they are written.
    fileprivate var identifiers: [String] {
        let objects = [0] + (member("dataFields", of: 0).map { [$0] } ?? [])
        let names: [StaticString] = ["email", "userId"]
        return objects.flatMap { object in
            names.compactMap { name -> String? in
                guard let index = member(name, of: object) else { return nil }
                let node = nodes[index]
                switch node.kind {
                case .string: return text(node)
                case .number: return String(decoding: bytes[Int(node.start)..<Int(node.end)], as: UTF8.self)
                case .object, .array, .name, .word: return nil
                }
            }
        }
    }
}
