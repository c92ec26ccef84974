/// Finds profiles by one kind of identifier. Identifiers may repeat: the oldest profile is the one that is found.
struct IdentityIndex: Sendable {
    private var oldest: [String: Int] = [:]
    /// Later profiles with an identifier that ``oldest`` holds already, in order of age.
    private var others: [String: [Int]] = [:]

    /// The oldest profile with this identifier.
    func first(_ identifier: String) -> Int? { oldest[identifier] }

    /// All profiles with this identifier, oldest first.
    func all(_ identifier: String) -> [Int] {
        guard let first = oldest[identifier] else { return [] }
        return [first] + (others[identifier] ?? [])
    }

    mutating func add(_ identifier: String, _ number: Int) {
        guard let first = oldest[identifier] else {
            oldest[identifier] = number
            return
        }
        let later = ([first, number] + (others[identifier] ?? [])).sorted()
        oldest[identifier] = later[0]
        others[identifier] = Array(later.dropFirst())
    }

    mutating func remove(_ identifier: String, _ number: Int) {
        var rest = others.removeValue(forKey: identifier) ?? []
        if oldest[identifier] == number {
            oldest[identifier] = rest.isEmpty ? nil : rest.removeFirst()
        } else {
            rest.removeAll { $0 == number }
        }
        if !rest.isEmpty { others[identifier] = rest }
    }
}
