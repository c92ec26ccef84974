import RollcallCore
import Warehouse

/// What follows for a plan from identifiers that several entries share (hybrid projects): rows that are one person are
/// folded, members known under an identifier that a row still carries are kept.
struct SharedIdentifiers {
    /// Rows folded into another row: not sent.
    var folded: Set<Fingerprint> = []
    /// Members not in the audience that stay, because a row carries one of their identifiers.
    var kept: Set<Fingerprint> = []
    /// Rows that count as unchanged but must be sent again: a removal of the same person may have been carried out, or
    /// their address belonged to another profile until now.
    private(set) var resent: [Entry] = []
    /// Rows that are sent only after all others: their address still belongs to a profile that gets another one.
    private(set) var last: Set<Fingerprint> = []
    /// Older entries of the same person, dropped from the snapshot when the change of the key succeeds.
    var superseded: [Fingerprint: [Member]] = [:]
    /// Folded entries that had been counted as planned, and as unchanged.
    var foldedPlanned = 0
    var foldedUnchanged = 0

    /// An entry that shares an identifier with another one.
    struct Entry {
        var fingerprint: Fingerprint
        var identity: Identity
        var inAudience: Bool
        /// Spooled as a change (new, unsettled, rejected, or a full run).
        var isPlanned: Bool
        /// Rejected by Iterable, whether or not it is sent again.
        var isRejected: Bool
        /// On the snapshot.
        var member: Member?
    }

    /// - Parameters:
    ///   - entries: all entries that share an identifier with another one.
    ///   - fold: called for each row folded into another one, for the log.
    init(_ entries: [Entry], fold: (Identity) throws -> Void) rethrows {
        let present = entries.filter(\.inAudience)
        let groups = SharedIdentifiers.connect(present)
        var speakers: [Entry] = []
        for group in groups {
            guard let speaker = group.min(by: SharedIdentifiers.speaksBefore) else { continue }
            speakers.append(speaker)
            for other in group where other.fingerprint != speaker.fingerprint {
                folded.insert(other.fingerprint)
                if other.isPlanned { foldedPlanned += 1 } else { foldedUnchanged += 1 }
                try fold(other.identity)
                if let member = other.member { supersede(member, by: speaker) }
            }
        }
        let leavers = entries.filter { !$0.inAudience }
        resendDoubtful(&speakers, leavers: leavers)
        resendMoved(&speakers, leavers: leavers)
        keepConnected(entries, speakers: speakers)
        foldRemovals(leavers)
    }

    /// A removal of an older entry that got no answer may have taken the row's person off the list.
    private mutating func resendDoubtful(_ speakers: inout [Entry], leavers: [Entry]) {
        let doubtful = Set(
            leavers.filter { $0.member?.state == .unsubscribing }.flatMap { SharedIdentifiers.keys($0.identity) })
        for index in speakers.indices where !speakers[index].isPlanned && !speakers[index].isRejected {
            guard SharedIdentifiers.keys(speakers[index].identity).contains(where: doubtful.contains) else { continue }
            speakers[index].isPlanned = true
            resent.append(speakers[index])
        }
    }

    /// (x, u1) is on the snapshot, and rows now say (y, u1) and (x): the profile of u1 gets the address y, and only after
    /// that can x be somebody else; before it, a request for x would reach the profile of u1. Whatever was acknowledged
    /// for x is void once (y, u1) has been.
    private mutating func resendMoved(_ speakers: inout [Entry], leavers: [Entry]) {
        var movers: [String: Entry] = [:]
        var byEmail: [String: Int] = [:]
        for (index, speaker) in speakers.enumerated() {
            if let userID = speaker.identity.userID, speaker.isPlanned { movers[userID] = speaker }
            if let email = speaker.identity.email { byEmail[email] = index }
        }
        for leaver in leavers {
            guard let member = leaver.member, member.listed, let old = leaver.identity.email,
                let userID = leaver.identity.userID, let mover = movers[userID], let new = mover.identity.email,
                new != old, let index = byEmail[old], speakers[index].identity.userID != userID,
                !speakers[index].isRejected
            else { continue }
            if !speakers[index].isPlanned {
                speakers[index].isPlanned = true
                resent.append(speakers[index])
            }
            last.insert(speakers[index].fingerprint)
            if let void = speakers[index].member { superseded[mover.fingerprint, default: []].append(void) }
        }
    }

    /// A member is kept if a row carries one of its identifiers, or is linked to it by what the snapshot knows: (a, u1)
    /// on the snapshot says that a row with a alone and a member known as u1 alone are one person. The row's speaker
    /// takes the member's place where a removal of the two would be the same.
    private mutating func keepConnected(_ entries: [Entry], speakers: [Entry]) {
        var speakerOf: [String: Entry] = [:]
        for speaker in speakers {
            for key in SharedIdentifiers.keys(speaker.identity) { speakerOf[key] = speaker }
        }
        for group in SharedIdentifiers.connect(entries) where group.contains(where: \.inAudience) {
            for leaver in group where !leaver.inAudience {
                guard let member = leaver.member, member.listed else { continue }
                kept.insert(leaver.fingerprint)
                // The userId decides first: it is what a removal will name.
                let keys = SharedIdentifiers.keys(leaver.identity).reversed()
                if let speaker = keys.lazy.compactMap({ speakerOf[$0] }).first { supersede(member, by: speaker) }
            }
        }
    }

    /// Two members that a removal would name alike leave in one request.
    private mutating func foldRemovals(_ leavers: [Entry]) {
        var first: [String: Entry] = [:]
        let order = leavers.sorted { $0.fingerprint < $1.fingerprint }
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

    /// (a, u1) and (a) leave, by two requests, for (a) may be a profile of its own by now. But Iterable acknowledged that
    /// the two were one, and so either request may take both off the list: when one has been carried out, what the snapshot
    /// says of the other is void. Somebody who returns under it is sent again, even if the second request never was.
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
    private mutating func supersede(_ member: Member, by speaker: Entry) {
        let (old, new) = (member.identity, speaker.identity)
        let samePerson =
            if let oldID = old.userID, let newID = new.userID { oldID == newID } else { old.email == new.email }
        let losesEmail = old.email != nil && new.email == nil
        let losesUserID = old.userID != nil && new.userID == nil
        guard samePerson, speaker.isPlanned, !losesEmail, !losesUserID else { return }
        superseded[speaker.fingerprint, default: []].append(member)
    }

    /// Smallest userId by bytes first, those without one last; then by email.
    static func speaksBefore(_ a: Entry, _ b: Entry) -> Bool {
        switch (a.identity.userID, b.identity.userID) {
        case (let a?, let b?) where a != b: a.utf8.lexicographicallyPrecedes(b.utf8)
        case (nil, _?): false
        case (_?, nil): true
        default: (a.identity.email ?? "").utf8.lexicographicallyPrecedes((b.identity.email ?? "").utf8)
        }
    }

    /// The identifiers as keys that never mix emails with userIds; a userId comes last.
    static func keys(_ identity: Identity) -> [String] {
        [identity.email.map { "e" + $0 }, identity.userID.map { "u" + $0 }].compactMap(\.self)
    }

    /// Groups of entries that are linked by shared identifiers, directly or through others.
    private static func connect(_ entries: [Entry]) -> [[Entry]] {
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
            for key in keys(entries[index].identity) {
                if let other = owner[key] { parent[root(index)] = root(other) } else { owner[key] = index }
            }
        }
        var groups: [Int: [Entry]] = [:]
        for index in entries.indices { groups[root(index), default: []].append(entries[index]) }
        return groups.sorted { $0.key < $1.key }.map(\.value)
    }
}
