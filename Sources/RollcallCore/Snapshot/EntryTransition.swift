/// What the snapshot says of one entry, as far as an outcome may change it.
package struct EntryMark: Sendable, Hashable {
    package var state: MemberState
    /// Whether this sync may have put the person on the list.
    package var listed: Bool

    package init(_ state: MemberState, listed: Bool) {
        self.state = state
        self.listed = listed
    }
}

/// What becomes of an entry of the snapshot.
package enum EntryWrite: Sendable, Hashable {
    case keep
    /// The entry is made, or gets this state. Where the state, and the identifiers of a record, are those that it had, its `since` stays; the reason of a
    /// rejection is the outcome's, or stays where the outcome is none.
    case put(EntryMark)
    case drop
}

/// Decides what the outcome of a change does to the snapshot. It is the only place that does: the warehouses and the
/// simulation's model of one carry out what it says.
///
/// The snapshot never says more than Iterable acknowledged, and never less than may be so: a person who may be on the list
/// because of this sync is `listed`, so that they are removed when they leave the audience.
package enum EntryTransition {
    /// Which entry is meant.
    package enum Relation: String, Sendable, CaseIterable {
        /// The entry of the change itself.
        case own
        /// An older entry of the same person (``ChangeKind/supersede``) whose parent is the change.
        case superseded
    }

    /// - Parameters:
    ///   - before: the entry as it is; nil if there is none.
    ///   - direction: of the change that has the outcome.
    ///   - mayStillLand: an attempt of the request got no answer, and may be carried out later or was already.
    ///   - isSame: whether the content that was put is the one that the entry has. Always so where entries have none.
    package static func next(
        _ relation: Relation, _ before: EntryMark?, _ direction: Direction, _ outcome: RecordOutcome.Kind,
        mayStillLand: Bool, isSame: Bool = true
    ) -> EntryWrite {
        let after =
            switch (relation, direction) {
            case (.own, .put): put(before, outcome, mayStillLand, isSame)
            case (.own, .remove): remove(before, outcome, mayStillLand)
            case (.superseded, _): supersede(before, direction, outcome, mayStillLand)
            }
        switch after {
        case .put(let mark) where mark == before && isSame && !(mark.state == .rejected && outcome == .rejected):
            return .keep
        case .drop where before == nil: return .keep
        default: return after
        }
    }

    private static func put(
        _ before: EntryMark?, _ outcome: RecordOutcome.Kind, _ mayStillLand: Bool, _ isSame: Bool
    ) -> EntryWrite {
        let wasListed = before?.listed ?? false
        switch outcome {
        case .succeeded: return .put(EntryMark(.subscribed, listed: true))
        case .rejected: return .put(EntryMark(.rejected, listed: wasListed || mayStillLand))
        case .unknown:
            // What is there already stays there, whether or not the request arrived; which content it has is in doubt.
            let stays = before?.state == .subscribed && isSame
            return .put(EntryMark(stays ? .subscribed : .subscribing, listed: true))
        case .failed:
            guard mayStillLand else { return .keep }
            let state = before?.state ?? .subscribing
            return .put(EntryMark(isSame || state == .unsubscribing ? state : .subscribing, listed: true))
        case .notAttempted, .waiting: return .keep
        }
    }

    private static func remove(
        _ before: EntryMark?, _ outcome: RecordOutcome.Kind, _ mayStillLand: Bool
    ) -> EntryWrite {
        if outcome == .succeeded { return .drop }
        return isInDoubt(outcome, mayStillLand) ? .put(EntryMark(.unsubscribing, listed: true)) : .keep
    }

    /// The newer entry stands for the person from its success on, and a removal of it may have removed this one too.
    private static func supersede(
        _ before: EntryMark?, _ direction: Direction, _ outcome: RecordOutcome.Kind, _ mayStillLand: Bool
    ) -> EntryWrite {
        if outcome == .succeeded { return .drop }
        guard let before, direction == .remove, isInDoubt(outcome, mayStillLand) else { return .keep }
        switch before.state {
        case .subscribed, .subscribing: return .put(EntryMark(.unsubscribing, listed: before.listed))
        case .unsubscribing, .rejected: return .keep
        }
    }

    private static func isInDoubt(_ outcome: RecordOutcome.Kind, _ mayStillLand: Bool) -> Bool {
        switch outcome {
        case .unknown: true
        case .failed, .rejected: mayStillLand
        case .succeeded, .notAttempted, .waiting: false
        }
    }

    /// Whether a ``ChangeKind/forget`` change drops the entry: nothing of it is on the list.
    package static func isForgotten(_ mark: EntryMark) -> Bool { mark.state == .rejected && !mark.listed }

    // MARK: As a table

    /// One line of the table: what happens, and what it does. Lines that keep the entry are left out.
    package struct Line: Sendable, Equatable {
        package var relation: Relation
        package var before: EntryMark?
        package var direction: Direction
        package var outcome: RecordOutcome.Kind
        package var mayStillLand: Bool
        /// Where there is no entry before, and where nothing is put by the change itself, only the lines with true exist.
        package var isSame: Bool
        package var write: EntryWrite
    }

    /// Everything that changes an entry, for adapters that carry outcomes out in sets.
    package static let table: [Line] = Relation.allCases.flatMap { relation in
        Direction.allCases.flatMap { direction in
            RecordOutcome.Kind.allCases.flatMap { outcome in
                [false, true].flatMap { mayStillLand in
                    marks.flatMap { before in
                        lines(relation, before, direction, outcome, mayStillLand)
                    }
                }
            }
        }
    }

    private static func lines(
        _ relation: Relation, _ before: EntryMark?, _ direction: Direction, _ outcome: RecordOutcome.Kind,
        _ mayStillLand: Bool
    ) -> [Line] {
        let tellsContents = relation == .own && direction == .put && before != nil
        return (tellsContents ? [true, false] : [true]).compactMap { isSame in
            let write = next(relation, before, direction, outcome, mayStillLand: mayStillLand, isSame: isSame)
            if write == .keep { return nil }
            return Line(
                relation: relation, before: before, direction: direction, outcome: outcome,
                mayStillLand: mayStillLand, isSame: isSame, write: write)
        }
    }

    /// Every mark an entry can have; nil: no entry.
    package static let marks: [EntryMark?] =
        [nil] + MemberState.allCases.flatMap { [EntryMark($0, listed: true), EntryMark($0, listed: false)] }
}
