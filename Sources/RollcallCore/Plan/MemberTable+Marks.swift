extension MemberTable {
    /// What is known of one fingerprint. Never zero for a slot in use.
    package struct Marks: OptionSet, Sendable {
        package let rawValue: UInt8
        @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The slot is in use.
        package static let used = Marks(rawValue: 1)
        /// On the snapshot, in any state.
        package static let member = Marks(rawValue: 2)
        /// Met in the audience.
        package static let seen = Marks(rawValue: 4)
        /// May be on the list because of this sync.
        package static let listed = Marks(rawValue: 8)
        /// Iterable permanently refuses the person.
        package static let rejected = Marks(rawValue: 16)
        /// The last request about the person got no answer.
        package static let inDoubt = Marks(rawValue: 32)
        /// Shares an identifier with another entry (hybrid projects).
        package static let sharing = Marks(rawValue: 64)
        /// A row of the audience that cannot be sent has it: whoever it is has not left.
        package static let standing = Marks(rawValue: 128)
    }
}

extension MemberTable.Marks {
    /// What the snapshot says of a member.
    package init(_ state: MemberState, listed: Bool) {
        self = [.used, .member]
        if listed { insert(.listed) }
        switch state {
        case .subscribed: break
        case .subscribing, .unsubscribing: insert(.inDoubt)
        case .rejected: insert(.rejected)
        }
    }

    /// Neither a member nor in the audience: an empty slot, or a member that was removed.
    @inline(__always)
    var isVoid: Bool { isDisjoint(with: [.member, .seen, .standing]) }
}
