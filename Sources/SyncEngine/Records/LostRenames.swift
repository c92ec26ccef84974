import RollcallCore
import Warehouse

/// Renames that were sent, or may have been, and of which no answer came: nothing tells under which address the profile is. Until
/// both addresses have been looked up, nothing else is done with the record, whatever its row says by now: it would go to a
/// profile that is not there, or make a second one.
struct LostRenames: Sendable {
    /// One of them.
    struct Rename: Sendable {
        var member: Member
        var record: RecordReference
        /// What the profile has if the rename was made.
        var identity: Identity
        /// Whether the row was met that is sent of the record, and still has the new address.
        var isMet = false
        var isWanted = false
    }

    private var renames: [Fingerprint: Rename] = [:]
    /// Whether not all rows were read, as in most looks of a stream: then only those are settled of which the row was met.
    var areOfSomeRows = false

    /// - Parameters:
    ///   - requests: the requests in doubt; of several renames of a record the last one counts. One that was answered is among them
    ///     for as long as its profile rests; its record has the new address.
    ///   - members: those that are known of the records.
    init(_ requests: [RequestInDoubt], _ members: [Member]) {
        let known = Dictionary(members.map { ($0.fingerprint, $0) }) { first, _ in first }
        for request in requests.sorted(by: { $0.mayLandUntil < $1.mayLandUntil }) where request.operation == .rename {
            guard let member = request.fingerprint.flatMap({ known[$0] }), let record = member.record,
                let email = request.identity.email, let known = member.identity.email
            else { continue }
            if known == email {
                renames[member.fingerprint] = nil
                continue
            }
            renames[member.fingerprint] = Rename(
                member: member, record: record, identity: Identity(email: email, userID: member.identity.userID))
        }
    }

    func has(_ record: Fingerprint) -> Bool { renames[record] != nil }

    /// Notes what the row of a record says now.
    /// - Returns: whether its rename is a lost one.
    mutating func want(_ identity: Identity, _ record: Fingerprint) -> Bool {
        guard let lost = renames[record] else { return false }
        renames[record]?.isMet = true
        renames[record]?.isWanted = identity.email == lost.identity.email
        return true
    }

    func isSettled(_ rename: Rename) -> Bool { rename.isMet || !areOfSomeRows }

    /// In the order of their records.
    var all: [Rename] { renames.values.sorted { $0.member.fingerprint < $1.member.fingerprint } }
}

extension LostRenames.Rename {
    /// The rename that finds out what became of it, and makes it where it is still wanted.
    var entry: RecordSpool.Entry {
        RecordSpool.Entry(
            kind: .send, operation: .rename, fingerprint: member.fingerprint, record: record.forgotten,
            payload: Change.payload(ofRenameFrom: member.identity.email ?? "", isWithdrawn: !isWanted), isKnown: true,
            identity: identity)
    }
}

extension RecordSpool.Entry {
    /// Of a rename: see ``UserRename/isWithdrawn``.
    var isWithdrawn: Bool { Change.isWithdrawn(renameStagedWith: payload) }
}

extension RecordPlanner {
    func lostRenames(_ requests: [RequestInDoubt]) async throws -> LostRenames {
        let records = Set(requests.filter { $0.operation == .rename }.compactMap(\.fingerprint)).sorted()
        var members: [Member] = []
        for page in records.pages(of: Planner.memberPage) {
            members += try await warehouse.members(sync: sync.name, of: entries, fingerprints: page)
        }
        return LostRenames(requests, members)
    }
}
