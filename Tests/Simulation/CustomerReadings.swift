import RollcallCore
import Warehouse

/// What a stream has read of the customers since it has read all rows, and what that leaves to its next sweep, by the contract
/// alone: a look between two sweeps sends nothing that rows decide which it does not read.
struct CustomerReadings {
    /// One reading of rows.
    struct Look {
        var meaning: Customers.Meaning
        /// nil: all rows were read.
        var bound: RowBound?
        /// Whether the reading was broken off, and where the row stands that came last then.
        var isCut = false
        var last: Int64?

        /// Whether a row of this place would have come.
        func reads(_ position: Int64?) -> Bool {
            guard let position else { return !isCut && bound?.takesRowsWithoutPosition != false }
            if let first = bound?.position, position < first { return false }
            return !isCut || last.map { position <= $0 } ?? false
        }
    }

    /// Who rows are, by their keys.
    struct Rows {
        /// The identities of the rows that can be sent; none: no row can.
        var standing: [String: Set<Identity>] = [:]
        /// The identifiers of the rows, be they rows that cannot be sent.
        var names: [String: Set<String>] = [:]
        /// Keys of which a row cannot be sent.
        var refused: Set<String> = []
        /// Keys of which nothing is sent because a record with another key is sent of the person; and those of which that may be so.
        var beaten: Set<String> = []
        var mayBeBeaten: Set<String> = []

        init() {}

        init(_ meaning: Customers.Meaning) {
            (standing, names) = (meaning.standing, meaning.names)
            (refused, beaten) = (meaning.refused, meaning.beaten)
            mayBeBeaten = Set(meaning.records.filter { $0.value.rivals.count > 1 }.keys)
        }

        /// Takes in later rows.
        mutating func add(_ later: Rows) {
            for (key, identities) in later.standing {
                standing[key] = identities
                names[key] = later.names[key]
                if later.refused.contains(key) { refused.insert(key) } else { refused.remove(key) }
                if later.beaten.contains(key) { beaten.insert(key) } else { beaten.remove(key) }
                if later.mayBeBeaten.contains(key) { mayBeBeaten.insert(key) } else { mayBeBeaten.remove(key) }
            }
        }
    }

    /// The row that was sent of a key that had several.
    private struct Newest {
        var content: ProfileContent
        var rank: Int64
    }

    /// The reading of which not everything has an outcome yet.
    private(set) var present: Look?
    private var rows = Rows()
    /// Keys, by an identifier that a row of theirs has had.
    private var owners: [String: Set<String>] = [:]
    private var undecided: Set<String> = []
    private var flaws: [String: [Int64?]] = [:]
    private var newest: [String: Newest] = [:]
    /// By key, the hash of what was sent last and not taken.
    private var refused: [String: Int64] = [:]

    /// Whether the present reading is not one of all rows.
    var isLook: Bool { present?.bound != nil }

    // MARK: What happens

    /// A reading takes the place of the present one, of which nothing has become.
    mutating func begin(_ look: Look) {
        present = look
        if look.bound == nil { self = CustomerReadings(present: look) }
    }

    private init(present: Look) { self.present = present }

    init() {}

    /// Everything that the present reading has led to has an outcome.
    mutating func end() {
        guard let look = present else { return }
        rows.add(Rows(look.meaning))
        for (key, names) in look.meaning.names {
            for name in names { owners[name, default: []].insert(key) }
        }
        undecided.formUnion(look.meaning.undecided.union(look.meaning.sharing))
        for (key, positions) in flaws {
            let left = look.isCut ? positions : positions.filter { !look.reads($0) }
            flaws[key] = left.isEmpty ? nil : left
        }
        for (key, positions) in look.meaning.flaws { flaws[key, default: []] += positions }
        for key in look.meaning.repeated {
            guard let rank = look.meaning.ranks[key], let record = look.meaning.records[key] else { continue }
            if rank >= newest[key]?.rank ?? rank { newest[key] = Newest(content: record.content, rank: rank) }
        }
        present = nil
    }

    /// A record was sent.
    mutating func note(_ key: String, _ content: Int64, isTaken: Bool) { refused[key] = isTaken ? nil : content }

    // MARK: What is left to the next sweep

    /// Who the rows are that were read.
    var known: Rows {
        var known = rows
        if let present { known.add(Rows(present.meaning)) }
        return known
    }

    /// Why the present look may not send a record; nil: it may.
    /// - Parameter names: the identifiers of its person.
    func objection(
        to key: String, _ content: ProfileContent, hash: Int64, _ names: [String], newest rule: Bool
    ) -> String? {
        guard let look = present, look.bound != nil else { return nil }
        if isOfAnother(names, than: key) || look.meaning.sharing.contains(key) {
            return "another record has its identifier"
        }
        if undecided.contains(key) { return "its rows contradict each other" }
        if flaws[key]?.contains(where: { !look.reads($0) }) == true {
            return "a row of it cannot be sent and was not read"
        }
        if refused[key] == hash { return "it was not taken, and its row has not changed" }
        if rule, let sent = newest[key], content != sent.content, look.meaning.ranks[key] ?? .min <= sent.rank {
            return "a newer row of it was sent"
        }
        return nil
    }

    /// Whether looks may have left a record to the next sweep.
    func leaves(_ key: String, _ names: [String]) -> Bool {
        if undecided.contains(key) || flaws[key] != nil || refused[key] != nil || newest[key] != nil { return true }
        return isOfAnother(names, than: key)
    }

    private func isOfAnother(_ names: [String], than key: String) -> Bool {
        names.contains { !(owners[$0] ?? []).subtracting([key]).isEmpty }
    }
}
