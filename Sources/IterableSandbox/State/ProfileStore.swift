/// One user of the project.
struct Profile: Sendable {
    /// Normalised address.
    var email: String?
    var userID: String?
    /// Profile fields other than the identifiers and the list ids.
    var fields: [String: JSONValue] = [:]
    /// Seconds since 1970.
    var signedUpAt: Double
    /// Seconds since 1970.
    var updatedAt: Double

    /// As `GET /sandbox/users` shows it. Identifiers that are missing are left out.
    var json: JSONValue {
        var object: [String: JSONValue] = ["dataFields": .object(fields)]
        object["email"] = email.map { .string($0) }
        object["userId"] = userID.map { .string($0) }
        return .object(object)
    }
}

/// All users, numbered by age, with an index for each identifier.
struct ProfileStore: Sendable {
    private var profiles: [Profile?] = []
    private var emails = IdentityIndex()
    private var userIDs = IdentityIndex()
    /// Number of users.
    private(set) var count = 0

    /// The profile with this number; nil when it was deleted.
    subscript(number: Int) -> Profile? { profiles.indices.contains(number) ? profiles[number] : nil }

    func number(email: String) -> Int? { emails.first(email) }
    func number(userID: String) -> Int? { userIDs.first(userID) }
    func numbers(userID: String) -> [Int] { userIDs.all(userID) }

    /// The oldest first.
    var all: [Profile] { profiles.compactMap(\.self) }

    /// The youngest profiles, youngest first.
    func newest(_ limit: Int) -> [Profile] { Array(profiles.reversed().lazy.compactMap { $0 }.prefix(limit)) }

    /// The numbers of the youngest profiles, youngest first.
    func newestNumbers(_ limit: Int) -> [Int] {
        Array(profiles.indices.reversed().lazy.filter { profiles[$0] != nil }.prefix(limit))
    }

    mutating func create(email: String?, userID: String?, at time: Double) -> Int {
        let number = profiles.count
        profiles.append(Profile(email: email, userID: userID, signedUpAt: time, updatedAt: time))
        if let email { emails.add(email, number) }
        if let userID { userIDs.add(userID, number) }
        count += 1
        return number
    }

    mutating func setEmail(_ email: String, of number: Int) {
        guard let old = self[number], old.email != email else { return }
        if let before = old.email { emails.remove(before, number) }
        emails.add(email, number)
        profiles[number]?.email = email
    }

    mutating func setUserID(_ userID: String, of number: Int) {
        guard let old = self[number], old.userID != userID else { return }
        if let before = old.userID { userIDs.remove(before, number) }
        userIDs.add(userID, number)
        profiles[number]?.userID = userID
    }

    mutating func setFields(_ fields: [String: JSONValue], of number: Int, at time: Double) {
        guard self[number] != nil else { return }
        profiles[number]?.fields = fields
        profiles[number]?.updatedAt = time
    }

    mutating func remove(_ number: Int) {
        guard let old = self[number] else { return }
        if let email = old.email { emails.remove(email, number) }
        if let userID = old.userID { userIDs.remove(userID, number) }
        profiles[number] = nil
        count -= 1
    }
}
