/// The members of a body that filters look at. They are found in one pass which keeps nothing else. It checks the whole body all
/// the same: it refuses what ``ReceivedBody`` refuses, for the same reason.
package struct FilterMembers: Sendable, Equatable {
    /// The name of the event; nil where it has none.
    package let eventName: String?
    /// Whether the event says whose it is by a userId.
    package let hasUserID: Bool

    /// - Parameter bytes: at most 2 GB.
    package init(_ bytes: [UInt8]) throws(BodyProblem) {
        let found = try BodyParser.read(bytes, FilterMemberSearch()).keeper
        eventName = found.eventName
        hasUserID = found.hasUserID
    }
}

/// Looks for the members of the outermost object. A text that is empty counts as none, as in the columns of a row.
private struct FilterMemberSearch: BodyKeeper {
    private enum Member { case eventName, userID }

    private(set) var eventName: String?
    private(set) var hasUserID = false
    /// How many containers are around the present place.
    private var depth = 0
    /// Whose value comes next.
    private var awaited: Member?

    mutating func open(_ kind: BodyNode.Kind, at start: Int) {
        depth += 1
        awaited = nil
    }

    mutating func close(at end: Int, _ names: BodyNames, from first: Int) { depth -= 1 }

    mutating func name(_ node: BodyNode, _ content: UnsafeRawBufferPointer) -> UInt32 {
        guard depth == 1 else { return 0 }
        if ReceivedBody.is(content, "eventName") {
            awaited = .eventName
        } else if ReceivedBody.is(content, "userId") {
            awaited = .userID
        }
        return 0
    }

    mutating func string(_ node: BodyNode, _ content: UnsafeRawBufferPointer) {
        guard let member = awaited else { return }
        awaited = nil
        switch member {
        case .eventName: eventName = content.isEmpty ? nil : ReceivedBody.text(content, hasNUL: node.hasNUL)
        case .userID: hasUserID = !content.isEmpty
        }
    }

    mutating func other(_ node: BodyNode) { awaited = nil }
}
