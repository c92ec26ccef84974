package import Foundation

extension ReceivedBody {
    /// The event as a row. A member of another type than the column's counts as none.
    /// - Parameters:
    ///   - eventID: made of ``canonical()``.
    ///   - hiding: how identifiers appear; nil: as they are.
    package func event(
        eventID: String, receiver: String, destination: String?, receivedAt: Date, hiding: IdentifierHiding?
    ) -> ReceivedEvent {
        let fields = member("dataFields", of: 0).map { [$0] } ?? []
        // Identifiers stand at the top, ids of messages among the fields.
        let (outer, inner) = ([0] + fields, fields + [0])
        let hidden = hiding.map { HiddenBody(self, $0) }
        func shown(_ name: StaticString, in objects: [Int]) -> String? {
            string(name, in: objects).map { hidden?.text($0) ?? $0 }
        }
        var event = ReceivedEvent(
            eventID: eventID, receiver: receiver, destination: destination, receivedAt: receivedAt,
            payload: hidden?.payload() ?? payload())
        event.eventName = shown("eventName", in: [0])
        event.email = shown("email", in: outer)
        event.userID = shown("userId", in: [0])
        event.occurredAt = string("createdAt", in: inner).flatMap { EventTime.parse(Array($0.utf8)) }
        event.campaignID = integer("campaignId", in: inner)
        event.templateID = integer("templateId", in: inner)
        event.messageID = shown("messageId", in: inner)
        event.messageTypeID = integer("messageTypeId", in: inner)
        event.channelID = integer("channelId", in: inner)
        event.workflowID = integer("workflowId", in: inner)
        event.experimentID = integer("experimentId", in: inner)
        event.url = shown("url", in: inner)
        return event
    }

    /// The first text of this name that is not empty.
    func string(_ name: StaticString, in objects: [Int]) -> String? {
        for object in objects {
            guard let index = member(name, of: object), nodes[index].kind == .string else { continue }
            let node = nodes[index]
            if node.contentEnd > node.contentStart { return text(node) }
        }
        return nil
    }

    /// The first whole number of this name, of at most 64 bits.
    private func integer(_ name: StaticString, in objects: [Int]) -> Int64? {
        for object in objects {
            guard let index = member(name, of: object), nodes[index].kind == .number else { continue }
            let text = bytes[Int(nodes[index].start)..<Int(nodes[index].end)]
            if let integer = ExactDecimal(text).integer { return integer }
        }
        return nil
    }

    /// The body, with U+FFFD in place of U+0000.
    private func payload() -> [UInt8] {
        guard nodes.contains(where: \.hasNUL) else { return bytes }
        return rewritten(nodes.indices.filter { nodes[$0].hasNUL }.map { ($0, Self.withoutNUL(content(nodes[$0]))) })
    }

    /// The body with other contents of names, strings and numbers, all of which become strings.
    /// - Parameter changes: by node, in the order of the text.
    func rewritten(_ changes: [(node: Int, content: [UInt8])]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count + 64)
        var place = 0
        for change in changes {
            let node = nodes[change.node]
            text.append(contentsOf: bytes[place..<Int(node.start)])
            change.content.withUnsafeBytes { JSONBytes.append(quoted: $0, to: &text) }
            place = Int(node.end)
        }
        text.append(contentsOf: bytes[place...])
        return text
    }
}
