/// Kinds of lists, as `listType` names them.
package enum SandboxListType: String, Sendable, CaseIterable {
    /// A static list: the only kind that subscribe and unsubscribe accept.
    case standard = "Standard"
    case dynamic = "Dynamic"
    case suppression = "Suppression"
    case `internal` = "Internal"
}

/// One list and the numbers of its members.
struct ListRecord: Sendable {
    /// How many of the last additions are remembered for the status page.
    private static let remembered = 12

    let id: Int
    let name: String
    let description: String?
    /// Milliseconds since 1970.
    let createdAt: Int
    let type: SandboxListType
    /// A campaign or journey uses the list: it cannot be deleted.
    let isInUse: Bool
    /// Time of the sandbox's clock from which subscribe and unsubscribe know the list.
    let visibleFrom: Duration
    private(set) var members: Set<Int> = []
    /// The last additions, oldest first.
    private(set) var newest: [Int] = []

    init(
        id: Int, name: String, description: String?, createdAt: Int, type: SandboxListType, isInUse: Bool,
        visibleFrom: Duration
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.createdAt = createdAt
        self.type = type
        self.isInUse = isInUse
        self.visibleFrom = visibleFrom
    }

    /// Whether subscribe and unsubscribe accept the list at this time.
    func accepts(at now: Duration) -> Bool { type == .standard && now >= visibleFrom }

    /// - Returns: whether the user was no member before.
    @discardableResult
    mutating func add(_ number: Int) -> Bool {
        guard members.insert(number).inserted else { return false }
        newest.append(number)
        if newest.count > Self.remembered { newest.removeFirst() }
        return true
    }

    /// - Returns: whether the user was a member before.
    @discardableResult
    mutating func remove(_ number: Int) -> Bool {
        guard members.remove(number) != nil else { return false }
        newest.removeAll { $0 == number }
        return true
    }
}
