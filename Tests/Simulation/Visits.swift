import RollcallCore
import Warehouse

/// The table of visits from which events are made, which grows. It shares no decision with the engine; what its rows
/// mean is in ``Meaning``.
struct Visits {
    /// Why a row cannot be sent.
    enum Flaw: Sendable, CaseIterable {
        /// NULL in the columns of the cursor, the name, the key, the person, the time.
        case noPosition, noName, noKey, noPerson, noTime
        /// U+0000, which is seen in a text only when it is written as JSON.
        case text
        /// A text in a column of numbers.
        case storage
    }

    private struct Visit {
        var visitor: Int
        /// What the cursor's column has.
        var position: Int64
        /// When it happened, in microseconds since 1970.
        var time: Int64
        var name: Int
        /// 0: NULL.
        var amount: Int
        var flaw: Flaw?
        var isIn = true
        /// Whether the transaction that writes it is still to be committed.
        var isPending = false
        /// Whether another row has its key, and says the same; nil: none has.
        var twinIsSame: Bool?
    }

    private let tracks: Scenario.Tracks
    private let type: ProjectType
    private var visits: [Visit] = []
    /// What a column of whole numbers has given last.
    private var counter: Int64 = 0
    private var isTurned = false

    init(_ scenario: Scenario) {
        tracks = scenario.tracks ?? Scenario.Tracks()
        type = scenario.type
    }

    static let table = AudienceSource.table(["visits"])

    static let columns: [AudienceColumn] =
        made(["id", "email", "user_id", "name", "note"], "text", .text)
        + made(["number", "part", "amount", "seq"], "bigint", .long)
        + made(["loaded", "at"], "timestamp with time zone", .timestamp)

    private static func made(_ names: [String], _ type: String, _ family: ColumnFamily) -> [AudienceColumn] {
        names.map { AudienceColumn(name: $0, type: type, canIdentify: family != .timestamp, family: family) }
    }

    /// For the story of a history.
    static let shown = ["id", "part", "email", "user_id", "name", "seq", "loaded", "at", "amount", "note"]

    static let names = ["visit", "order", "login"]

    // MARK: Who visits

    static func email(_ visitor: Int) -> String { "n\(visitor)@example.com" }
    static func userID(_ visitor: Int) -> String { "X\(visitor)" }

    /// The identifiers by which Iterable knows a visitor.
    static func names(of visitor: Int, _ tracks: Scenario.Tracks) -> [String] {
        tracks.followsClients
            ? [Customers.email(visitor), Customers.userID(visitor)] : [email(visitor), userID(visitor)]
    }

    /// Of projects that know people by either identifier, one visitor in three has the one alone, and one the other.
    private func identifiers(_ visitor: Int) -> (email: String?, userID: String?) {
        let names = Self.names(of: visitor, tracks)
        let hasBoth = tracks.followsClients || visitor % 3 == 0
        switch type {
        case .email: return (hasBoth || visitor % 3 == 1 || !tracks.mapsBoth ? names[0] : nil, names[1])
        case .userID: return (names[0], names[1])
        case .hybrid:
            return (hasBoth || visitor % 3 == 1 ? names[0] : nil, hasBoth || visitor % 3 == 2 ? names[1] : nil)
        }
    }

    // MARK: Rows

    var rows: [TableRow] {
        let all = visits.indices.filter { visits[$0].isIn && !visits[$0].isPending }.flatMap { rows(of: $0) }
        return isTurned ? all.reversed() : all
    }

    private func rows(of number: Int) -> [TableRow] {
        let first = row(number)
        guard let isSame = visits[number].twinIsSame else { return [first] }
        var twin = first
        if !isSame { twin["note"] = .text("twin") }
        return [first, twin]
    }

    private func row(_ number: Int) -> TableRow {
        let visit = visits[number]
        let (email, userID) = identifiers(visit.visitor)
        var row = TableRow()
        row["id"] = .text(tracks.key.contains("part") ? "v-\(number / 2)" : "v-\(number)")
        row["part"] = .integer(Int64(number % 2))
        row["number"] = .integer(Int64(number))
        row["email"] = email.map { TableRow.Value.text($0) } ?? .null
        row["user_id"] = userID.map { TableRow.Value.text($0) } ?? .null
        row["name"] = .text(Self.names[visit.name % Self.names.count])
        row["note"] = .text("note \(visit.amount % 2)")
        row["amount"] = visit.amount == 0 ? .null : .integer(Int64(visit.amount))
        row["at"] = .timestamp(visit.time)
        row["seq"] = tracks.cursor == .number ? .integer(visit.position) : .null
        row["loaded"] = tracks.cursor == .time ? .timestamp(visit.position) : .null
        spoil(&row, visit.flaw)
        return row
    }

    private func spoil(_ row: inout TableRow, _ flaw: Flaw?) {
        switch flaw {
        case .noPosition?: (row["seq"], row["loaded"]) = (.null, .null)
        case .noName?: row["name"] = .null
        case .noKey?: row[tracks.key[0]] = .null
        case .noPerson?: (row["email"], row["user_id"]) = (.null, .null)
        case .noTime?: row["at"] = .null
        case .text?: row["note"] = .text("a\u{0}")
        case .storage?: row["amount"] = .text("many")
        case nil: break
        }
    }

    // MARK: Moves

    /// - Parameter now: the database's clock, in microseconds since 1970.
    /// - Returns: the place of a row that is to be committed later.
    mutating func move(_ move: Scenario.TrackMove, now: Int64) -> Int? {
        switch move {
        case .add(let new):
            add(new, now)
            return new.delay == nil ? nil : visits.count - 1
        case .tie(let visitor):
            guard let last = visits.last else { return nil }
            add(.init(visitor: visitor), now)
            visits[visits.count - 1].position = last.position
        case .change(let place, let amount): change(place) { $0.amount = amount }
        case .hand(let place, let visitor): change(place) { $0.visitor = visitor }
        case .rename(let place, let name): change(place) { $0.name = name }
        case .toggle(let place): change(place) { $0.isIn.toggle() }
        case .spoil(let place, let flaw): change(place) { $0.flaw = flaw }
        case .twin(let place, let isSame): change(place) { $0.twinIsSame = isSame }
        case .turn: isTurned.toggle()
        case .appear: break
        }
        return nil
    }

    mutating func commit(_ place: Int) { visits[place].isPending = false }

    private mutating func change(_ place: Int, _ body: (inout Visit) -> Void) {
        if !visits.isEmpty { body(&visits[place % visits.count]) }
    }

    private mutating func add(_ new: Scenario.NewVisit, _ now: Int64) {
        counter += 7
        let lag = Int64(new.lag)
        visits.append(
            Visit(
                visitor: new.visitor, position: tracks.cursor == .number ? counter - lag : now - lag * 1_000_000,
                time: now - Int64(new.age) * 1_000_000, name: new.name, amount: new.amount,
                isPending: new.delay != nil))
    }
}
