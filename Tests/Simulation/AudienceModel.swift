import RollcallCore

/// Who the rows of an audience are, by the contract alone: rows that share an identifier, directly or through others, are one
/// person. It compares every row with every other one, and knows nothing of fingerprints, snapshots or requests.
struct AudienceModel {
    struct Person {
        /// Every identifier that a row of the person carries.
        var names: Set<String> = []
        /// How many rows the person has.
        var rows = 0
        var identities: [Identity] = []
        /// What each of these rows says beside its identifiers.
        var values: [MemberValues] = []

        /// The fields of the row that represents the person; of several rows with its identifiers, those of any one.
        var fields: Set<MemberValues.Fields> {
            let chosen = representative
            return Set(zip(identities, values).filter { $0.0 == chosen }.compactMap { $0.1.fields })
        }

        /// Both identifiers before one, then the smallest userId, then the smallest email, by bytes.
        var representative: Identity {
            func rank(_ identity: Identity) -> (Int, [UInt8], [UInt8]) {
                let isWhole = identity.email != nil && identity.userID != nil
                return (isWhole ? 0 : 1, Array((identity.userID ?? "").utf8), Array((identity.email ?? "").utf8))
            }
            return identities.min { one, other in
                let (a, b) = (rank(one), rank(other))
                if a.0 != b.0 { return a.0 < b.0 }
                if a.1 != b.1 { return a.1.lexicographicallyPrecedes(b.1) }
                return a.2.lexicographicallyPrecedes(b.2)
            } ?? Identity(email: nil, userID: nil)
        }
    }

    private(set) var people: [Person] = []
    let rows: Int
    /// Rows without an identifier that counts, or with fields that cannot be sent.
    private(set) var invalid = 0
    /// Rows that lost an identifier, and go on with the other one or do not.
    private(set) var shared = 0
    private(set) var sharedInvalid = 0
    /// Whether a row has fields that cannot be sent.
    private(set) var hasFlaws = false

    /// - Parameter maxSharing: an identifier beside more different others than this counts as none.
    init(_ rows: [People.Row], maxSharing: Int) {
        self.rows = rows.count
        let uncounted = AudienceModel.uncounted(rows, maxSharing: maxSharing)
        for row in rows {
            let all = Oracle.names(row)
            let names = all.filter { !uncounted.contains($0) }
            if names.isEmpty {
                invalid += 1
                if !all.isEmpty { sharedInvalid += 1 }
                continue
            }
            if row.values.isFlawed {
                hasFlaws = true
                invalid += 1
                continue
            }
            if names.count < all.count { shared += 1 }
            let identity = Identity(
                email: Oracle.email(row.email).flatMap { names.contains($0) ? $0 : nil },
                userID: row.userID.map { String(decoding: $0, as: UTF8.self) }.flatMap {
                    names.contains($0) ? $0 : nil
                })
            var person = Person(names: Set(names), rows: 1, identities: [identity], values: [row.values])
            for other in people where !other.names.isDisjoint(with: person.names) {
                person.names.formUnion(other.names)
                person.rows += other.rows
                person.identities += other.identities
                person.values += other.values
            }
            people.removeAll { !$0.names.isDisjoint(with: names) }
            people.append(person)
        }
    }

    private static func uncounted(_ rows: [People.Row], maxSharing: Int) -> Set<String> {
        var others: [String: Set<String>] = [:]
        for row in rows {
            let names = Oracle.names(row)
            guard names.count == 2 else { continue }
            others[names[0], default: []].insert(names[1])
            others[names[1], default: []].insert(names[0])
        }
        return Set(others.filter { $0.value.count > maxSharing }.keys)
    }
}

/// An address and a userId that rows carried side by side when a subscription of their person was acknowledged: until rows
/// contradict it, or the person is removed, nobody known by the one may be removed while the other is in the audience. What
/// the acknowledged request said does not matter.
struct RowLinks {
    private var pairs: Set<Identity> = []

    /// Only a person of one address and one userId; who shares one of them with another account is not one person for ever.
    mutating func add(_ person: AudienceModel.Person) {
        let emails = Set(person.identities.compactMap(\.email))
        let userIDs = Set(person.identities.compactMap(\.userID))
        guard let email = emails.first, let userID = userIDs.first else { return }
        forget(contradictedBy: person.identities)
        if emails.count == 1 && userIDs.count == 1 { pairs.insert(Identity(email: email, userID: userID)) }
    }

    func linked(to names: [String]) -> [String] {
        pairs.filter { pair in names.contains { $0 == pair.email || $0 == pair.userID } }
            .flatMap { [$0.email, $0.userID].compactMap(\.self) }.sorted()
    }

    /// The address beside another userId, or the userId beside another address.
    mutating func forget(contradictedBy rows: [People.Row]) {
        forget(
            contradictedBy: rows.map {
                Identity(email: Oracle.email($0.email), userID: $0.userID.map { String(decoding: $0, as: UTF8.self) })
            })
    }

    private mutating func forget(contradictedBy identities: [Identity]) {
        for identity in identities where identity.email != nil && identity.userID != nil {
            pairs = pairs.filter { ($0.email == identity.email) == ($0.userID == identity.userID) }
        }
    }

    mutating func forget(_ names: [String]) {
        pairs = pairs.filter { pair in !names.contains { $0 == pair.email || $0 == pair.userID } }
    }
}
