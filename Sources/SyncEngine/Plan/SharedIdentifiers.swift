import RollcallCore
import Warehouse

/// What follows for a plan from identifiers that several entries share (hybrid projects): rows that are one person are
/// merged, members known under an identifier that a row still carries are kept.
struct SharedIdentifiers {
    /// Rows merged into another row: not sent. The value is the row that represents the person.
    var merged: [Fingerprint: Identity] = [:]
    /// Members not in the audience that stay, because a row carries one of their identifiers.
    var kept: Set<Fingerprint> = []
    /// Rows that count as unchanged but must be sent again: a removal of the same person may have been carried out, or
    /// their address belonged to another profile until now.
    private(set) var resent: [Entry] = []
    /// Rows that are sent only after all others, by their order among themselves, from 1: their address still belongs to a
    /// profile that gets another one.
    private(set) var last: [Fingerprint: Int] = [:]
    /// Older entries of the same person, dropped from the snapshot when the change of the key succeeds.
    var superseded: [Fingerprint: [Member]] = [:]
    /// Merged entries that had been counted as planned.
    var mergedPlanned = 0
    /// Where members are sent with fields: other entries of the person whom a row represents. What they say of the fields is void
    /// once the row was sent.
    private(set) var others: [Fingerprint: [Member]] = [:]
    /// The numbers of the sets of fields that the sync may have given a value by these.
    private(set) var heldByOthers: [Fingerprint: Set<UInt32>] = [:]

    /// An entry that shares an identifier with another one.
    struct Entry {
        var fingerprint: Fingerprint
        var identity: Identity
        var inAudience: Bool
        /// Spooled as a change (new, in doubt, rejected, or a full run).
        var isPlanned: Bool
        /// Rejected by Iterable, whether or not it is sent again.
        var isRejected: Bool
        /// On the snapshot.
        var member: Member?
        /// A row has its identifiers that cannot be sent, and no other has.
        var isStanding = false
        /// What is known of its fields, where members are sent with some.
        var content = MemberTable.Content()
    }

    /// - Parameters:
    ///   - entries: all entries that share an identifier with another one.
    ///   - uncounted: ``keys(_:)`` of identifiers that count as none although rows carry them: they make no one one person, but
    ///     whoever is known by one of them is kept.
    ///   - hasFields: whether members are sent with fields.
    ///   - merge: called for each row merged into another one, for the log.
    init(
        _ entries: [Entry], uncounted: Set<String> = [], hasFields: Bool = false, merge: (Identity) throws -> Void
    ) rethrows {
        let present = entries.filter(\.inAudience)
        let groups = SharedIdentifiers.connect(present)
        var representatives: [Entry] = []
        for group in groups {
            guard let representative = group.min(by: SharedIdentifiers.precedes) else { continue }
            representatives.append(representative)
            for other in group where other.fingerprint != representative.fingerprint {
                merged[other.fingerprint] = representative.identity
                if other.isPlanned { mergedPlanned += 1 }
                try merge(other.identity)
                if let member = other.member { supersede(member, by: representative) }
            }
        }
        let leavers = entries.filter { !$0.inAudience && !$0.isStanding }
        resendDoubtful(&representatives, entries)
        resendMoved(&representatives, leavers: leavers)
        if hasFields { compareOthers(&representatives, entries, uncounted) }
        keepConnected(entries, representatives: representatives, uncounted: uncounted)
        if hasFields { dropSuperseded() }
        mergeRemovals(leavers)
    }

    /// What another entry of the person was sent with last may be what the profile has now: the row is sent again if that differs
    /// from its own fields. Identifiers that count as none make no one the same person.
    private mutating func compareOthers(
        _ representatives: inout [Entry], _ entries: [Entry], _ uncounted: Set<String>
    ) {
        var places: [Fingerprint: Int] = [:]
        for (index, representative) in representatives.enumerated() { places[representative.fingerprint] = index }
        for group in SharedIdentifiers.connect(entries, without: uncounted) where group.count > 1 {
            let others = group.filter { places[$0.fingerprint] == nil && $0.member?.listed == true }
            if others.isEmpty { continue }
            for index in group.compactMap({ places[$0.fingerprint] }) {
                let own = representatives[index].content.seen
                let differs = others.contains {
                    $0.content.acknowledged != MemberTable.Content.none && $0.content.acknowledged != own
                }
                if differs && !representatives[index].isPlanned && !representatives[index].isRejected {
                    representatives[index].isPlanned = true
                    resent.append(representatives[index])
                }
                self.others[representatives[index].fingerprint] = others.compactMap(\.member)
                heldByOthers[representatives[index].fingerprint] = Set(others.map(\.content.held))
            }
        }
    }

    /// Of an entry that goes there is nothing left to be void.
    private mutating func dropSuperseded() {
        for (representative, members) in superseded {
            let gone = Set(members.map(\.fingerprint))
            others[representative]?.removeAll { gone.contains($0.fingerprint) }
        }
    }

    /// A removal of another entry of the person that got no answer may have taken them off the list, whether that entry
    /// left the audience or is merged into the one that represents the person.
    private mutating func resendDoubtful(_ representatives: inout [Entry], _ entries: [Entry]) {
        let doubtful = Set(
            entries.filter { $0.member?.state == .unsubscribing }.flatMap { SharedIdentifiers.keys($0.identity) })
        for index in representatives.indices
        where !representatives[index].isPlanned && !representatives[index].isRejected {
            guard SharedIdentifiers.keys(representatives[index].identity).contains(where: doubtful.contains) else {
                continue
            }
            representatives[index].isPlanned = true
            resent.append(representatives[index])
        }
    }

    /// (x, u1) is on the snapshot, and rows now say (y, u1) and (x): the profile of u1 gets the address y, and only after
    /// that can x be another person; before it, a request for x would reach the profile of u1. Whatever was acknowledged
    /// for x is void once (y, u1) has been.
    private mutating func resendMoved(_ representatives: inout [Entry], leavers: [Entry]) {
        var movers: [String: Entry] = [:]
        var byEmail: [String: Int] = [:]
        for (index, representative) in representatives.enumerated() {
            if let userID = representative.identity.userID, representative.isPlanned { movers[userID] = representative }
            if let email = representative.identity.email { byEmail[email] = index }
        }
        /// The row that must be sent before another one.
        var before: [Fingerprint: Fingerprint] = [:]
        for leaver in leavers {
            guard let member = leaver.member, member.listed, let old = leaver.identity.email,
                let userID = leaver.identity.userID, let mover = movers[userID], let new = mover.identity.email,
                new != old, let index = byEmail[old], representatives[index].identity.userID != userID,
                !representatives[index].isRejected
            else { continue }
            if !representatives[index].isPlanned {
                representatives[index].isPlanned = true
                resent.append(representatives[index])
            }
            before[representatives[index].fingerprint] = mover.fingerprint
            if let void = representatives[index].member { superseded[mover.fingerprint, default: []].append(void) }
        }
        for fingerprint in before.keys { last[fingerprint] = Self.place(of: fingerprint, before) }
    }

    /// How many rows must be sent one after the other before this one: (y, u1) frees x for (x, u2), which frees z for (z). Addresses
    /// that go round in a circle have no order.
    private static func place(of row: Fingerprint, _ before: [Fingerprint: Fingerprint]) -> Int {
        var (place, next, passed) = (0, row, Set<Fingerprint>())
        while let mover = before[next], passed.insert(next).inserted {
            place += 1
            next = mover
        }
        return place
    }

    /// A member is kept if a row carries one of its identifiers, or is linked to it by what the snapshot knows: (a, u1)
    /// on the snapshot says that a row with a alone and a member known as u1 alone are one person. The row's representative
    /// takes the member's place where a removal of the two would be the same.
    private mutating func keepConnected(
        _ entries: [Entry], representatives: [Entry], uncounted: Set<String>
    ) {
        func isInAudience(_ entry: Entry) -> Bool {
            entry.inAudience || entry.isStanding
                || SharedIdentifiers.keys(entry.identity).contains(where: uncounted.contains)
        }
        var representativeOf: [String: Entry] = [:]
        for representative in representatives {
            for key in SharedIdentifiers.keys(representative.identity) { representativeOf[key] = representative }
        }
        for group in SharedIdentifiers.connect(entries) where group.contains(where: isInAudience) {
            for leaver in group where !leaver.inAudience {
                guard let member = leaver.member, member.listed else { continue }
                kept.insert(leaver.fingerprint)
                // The userId decides first: it is what a removal will name.
                let keys = SharedIdentifiers.keys(leaver.identity).reversed()
                if let representative = keys.lazy.compactMap({ representativeOf[$0] }).first {
                    supersede(member, by: representative)
                }
            }
        }
    }

    /// Two members that a removal would name alike leave in one request, as the one that would represent the person.
    private mutating func mergeRemovals(_ leavers: [Entry]) {
        var first: [String: Entry] = [:]
        let order = leavers.sorted(by: SharedIdentifiers.precedes)
        for leaver in order where !kept.contains(leaver.fingerprint) {
            guard let member = leaver.member, member.listed,
                let key = SharedIdentifiers.keys(leaver.identity).last
            else { continue }
            if let removed = first[key] {
                kept.insert(leaver.fingerprint)
                superseded[removed.fingerprint, default: []].append(member)
            } else {
                first[key] = leaver
            }
        }
        linkRemovals(order.filter { !kept.contains($0.fingerprint) && $0.member?.listed == true })
    }

    /// (a, u1) and (a) leave, by two requests, for (a) may be another profile by now. But Iterable acknowledged that
    /// the two were one, and so either request may take both off the list: when one has been carried out, what the snapshot
    /// says of the other is void. Whoever returns under it is sent again, even if the second request never was.
    private mutating func linkRemovals(_ leavers: [Entry]) {
        var byEmail: [String: Entry] = [:]
        for leaver in leavers where leaver.identity.userID == nil {
            if let email = leaver.identity.email { byEmail[email] = leaver }
        }
        for one in leavers where one.identity.userID != nil && one.member?.state == .subscribed {
            guard let member = one.member, let other = one.identity.email.flatMap({ byEmail[$0] }),
                let otherMember = other.member
            else { continue }
            superseded[one.fingerprint, default: []].append(otherMember)
            superseded[other.fingerprint, default: []].append(member)
        }
    }

    /// Drops the older entry of the same person once the newer one is acknowledged; but an entry that knows an
    /// identifier which the newer one lacks is kept, for the link between the two is true all the same.
    private mutating func supersede(_ member: Member, by representative: Entry) {
        let (old, new) = (member.identity, representative.identity)
        let samePerson =
            if let oldID = old.userID, let newID = new.userID { oldID == newID } else { old.email == new.email }
        let losesEmail = old.email != nil && new.email == nil
        let losesUserID = old.userID != nil && new.userID == nil
        guard samePerson, representative.isPlanned, !losesEmail, !losesUserID else { return }
        superseded[representative.fingerprint, default: []].append(member)
    }

    /// The order in which entries represent a person: with both identifiers before with one, so that no identifier is lost
    /// that a row carries beside another one; then the smallest userId by bytes, then the smallest email by bytes. It depends
    /// on nothing but the identifiers, so that every sync and every run chooses the same one.
    static func precedes(_ a: Entry, _ b: Entry) -> Bool {
        let (one, other) = (a.identity, b.identity)
        let hasBoth = (one.email != nil && one.userID != nil, other.email != nil && other.userID != nil)
        if hasBoth.0 != hasBoth.1 { return hasBoth.0 }
        switch (one.userID, other.userID) {
        case (let first?, let second?) where !first.utf8.elementsEqual(second.utf8):
            return first.utf8.lexicographicallyPrecedes(second.utf8)
        case (nil, _?): return false
        case (_?, nil): return true
        default: return (one.email ?? "").utf8.lexicographicallyPrecedes((other.email ?? "").utf8)
        }
    }

    /// The identifiers as keys that never mix emails with userIds; a userId comes last.
    static func keys(_ identity: Identity) -> [String] {
        [identity.email.map { "e" + $0 }, identity.userID.map { "u" + $0 }].compactMap(\.self)
    }

    /// Groups of entries that are linked by shared identifiers, directly or through others.
    /// - Parameter uncounted: ``keys(_:)`` that link nothing.
    private static func connect(_ entries: [Entry], without uncounted: Set<String> = []) -> [[Entry]] {
        var parent = Array(entries.indices)
        func root(_ index: Int) -> Int {
            var index = index
            while parent[index] != index {
                parent[index] = parent[parent[index]]
                index = parent[index]
            }
            return index
        }
        var owner: [String: Int] = [:]
        for index in entries.indices {
            for key in keys(entries[index].identity) where !uncounted.contains(key) {
                if let other = owner[key] { parent[root(index)] = root(other) } else { owner[key] = index }
            }
        }
        var groups: [Int: [Entry]] = [:]
        for index in entries.indices { groups[root(index), default: []].append(entries[index]) }
        return groups.sorted { $0.key < $1.key }.map(\.value)
    }
}
