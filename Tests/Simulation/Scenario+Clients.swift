import RollcallCore

extension Scenario {
    /// What happens to a second sync in the same history, which keeps profiles of customers.
    struct Clients: Sendable {
        /// Whether the column `id` is the key; else an identifier is.
        var hasKey = true
        var mapsEmail = true
        var mapsUserID = false
        /// Whether an object is among the fields.
        var hasAddress = false
        var merges = false
        var nulls = NullRule.clear
        /// By `plan`, `orders` and `address`.
        var ownNulls: [String: NullRule] = [:]
        /// Whether a column says which of several rows is the newest.
        var newest = false
        var makesFields = false
        /// Fields that the project does not have at first.
        var missing: Set<String> = []
        /// Before which round these are made by hand, if the sync makes none.
        var madeBefore = 0
        var maxInvalid: Double?
        var maxChanges: Double?
        var allowEmpty = true
        var customers = 0
        /// Who is known to Iterable as forgotten or invalid, or has bad data: by customer.
        var afflicted: [Int: Affliction] = [:]
        /// Hybrid projects: customers whose address is that of a profile with another userId.
        var strangers: [Int] = []
        /// Whether a profile gets the address that its row has now; else such a record is refused.
        var renames = false
        /// What becomes of people whose rows are gone.
        var leaving = UserSettings.Leaving.keep
        /// Whether only people are sent whom Iterable knows; and, if so, which customers have a profile at first.
        var updatesOnly = false
        var known: Set<Int> = []
        /// nil: no process streams.
        var streaming: Streaming?
        /// For each round of the history.
        var rounds: [Round] = []

        struct Round: Sendable {
            var moves: [ClientMove]
            var writes: [OtherWrite] = []
            var runners: [Runner]
            /// What changes while the processes run.
            var later: [LaterChange] = []
            var appearances: [Appearance] = []
        }

        /// Another system writes a field that the rows of a customer leave empty.
        struct OtherWrite: Sendable {
            var customer: Int
            var field: String
        }
    }

    /// A change of the rows. A number says whose.
    enum ClientMove: Sendable {
        /// Values, in the digits of a number; the customer enters.
        case set(Int, Int)
        /// One field loses its value, or gets one.
        case toggle(Int, Int)
        case leave(Int)
        case enter(Int)
        case other(Int, Customers.Other)
        case noOthers(Int)
        /// The customer goes on under the other one of two keys.
        case newKey(Int)
        case newAddress(Int)
        case oldAddress(Int)
        case takeAddress(Int, from: Int)
        case swapAddresses(Int, Int)
        case newUserID(Int)
        case takeUserID(Int, from: Int)
        case toggleEmail(Int)
        case toggleUserID(Int)
        case spelling(Int)
        case wrong(Int, Int)
        case turnOthers(Int)
        case keyless
        case turn
        case empty
    }

    /// The rounds of the sync of users; none where there is no such sync.
    var clientRounds: [Clients.Round] {
        get { clients?.rounds ?? [] }
        set { clients?.rounds = newValue }
    }

    /// Every third history has one: half of those that have no catalog.
    func clients(seed: UInt64) -> Clients? {
        var dice = Dice(seed, "clients")
        // Of hybrid projects single faults alone are tried (`SimulationTests`): which of two identifiers a profile has kept, the sync
        // does not know of records that it does not send, and leaves the conflict to Iterable.
        guard goods == nil, type != .hybrid, dice.chance(76) else { return nil }
        var clients = Clients(&dice, type)
        for number in rounds.indices {
            var round = Clients.Round(moves: [], runners: [])
            if number == 0 {
                for customer in 0..<clients.customers where dice.chance(75) {
                    round.moves.append(.set(customer, dice.below(108)))
                    if dice.chance(20) { round.moves.append(.other(customer, Customers.Other(&dice))) }
                }
            } else {
                for _ in 0..<dice.between(0, clients.customers) { round.moves.append(ClientMove(&dice, clients)) }
            }
            for _ in 0..<dice.between(0, 2) {
                let fields = clients.fields + (clients.hasAddress ? [SimulatedProfiles.foreignField] : [])
                round.writes.append(.init(customer: dice.below(clients.customers), field: dice.pick(fields)))
            }
            round.runners = [Runner(&dice, number: 7001 + 10 * number)]
            while round.runners.count < 3, dice.chance(30) {
                round.runners.append(Runner(&dice, number: 7001 + 10 * number + round.runners.count))
            }
            clients.rounds.append(round)
        }
        renames(seed, &clients)
        leaving(seed, &clients)
        updatesOnly(seed, &clients)
        streams(seed, &clients)
        return clients
    }

    /// In email projects most syncs give profiles their rows' addresses, and these change more often.
    private func renames(_ seed: UInt64, _ clients: inout Clients) {
        var dice = Dice(seed, "client renames")
        guard type == .email, clients.hasKey, dice.chance(70) else { return }
        clients.renames = true
        for round in clients.rounds.indices.dropFirst() {
            for _ in 0..<dice.between(0, 4) {
                let (customer, other) = (dice.below(clients.customers), dice.below(clients.customers))
                clients.rounds[round].moves.append(
                    dice.pick([
                        .newAddress(customer), .newAddress(customer), .oldAddress(customer),
                        .takeAddress(customer, from: other), .swapAddresses(customer, other), .leave(customer),
                        .enter(customer),
                    ]))
            }
        }
    }

    /// Half of the syncs clear or delete people whose rows are gone, and these leave and come back more often.
    private func leaving(_ seed: UInt64, _ clients: inout Clients) {
        var dice = Dice(seed, "client leaving")
        guard dice.chance(50) else { return }
        clients.leaving = dice.pick([.clear, .delete])
        for round in clients.rounds.indices.dropFirst() {
            for _ in 0..<dice.between(0, 3) {
                let customer = dice.below(clients.customers)
                clients.rounds[round].moves.append(dice.chance(50) ? .leave(customer) : .enter(customer))
            }
        }
    }

    func sync(_ clients: Clients, guarded: Bool) -> SyncSettings {
        var users = UserSettings(
            fields: .only(
                clients.fields.map { field in
                    FieldSetting(
                        name: field, source: .column(Customers.column(of: field)),
                        nulls: clients.ownNulls[Clients.member(of: field)])
                }))
        users.key = clients.hasKey ? ["id"] : []
        users.nulls = clients.nulls
        users.nested = clients.merges ? .merge : .replace
        users.newFields = clients.makesFields ? .create : .refuse
        users.duplicates = clients.newest ? .newest("changed") : .refuse
        users.onLeave = clients.leaving
        users.identityChanges = clients.renames ? .rename : .refuse
        users.mode = clients.updatesOnly ? .update : .upsert
        users.cursor = clients.cursor
        var sync = SyncSettings(
            name: "clients", warehouse: "shop", destination: "marketing", audience: Customers.table,
            target: .users(users))
        sync.mapping = ColumnMapping(
            email: clients.mapsEmail ? "email" : nil, userID: clients.mapsUserID ? "user_id" : nil)
        sync.read = recordReading
        sync.guards.maxInvalid = guarded ? clients.maxInvalid : nil
        sync.guards.maxChanges = clients.maxChanges
        sync.guards.allowEmpty = guarded ? clients.allowEmpty : true
        return sync
    }

    /// Customers come, change, lose a value and get it back, one gets another address, with a process for each round; nobody is on a
    /// list. A field is new to the project.
    static func profiles(_ type: ProjectType) -> Scenario {
        var scenario = plain(type, list: .absent)
        var clients = Clients()
        (clients.mapsEmail, clients.mapsUserID) = (true, type != .email)
        (clients.customers, clients.makesFields, clients.missing) = (5, true, ["plan"])
        let moves: [[ClientMove]] = [
            (0..<4).map { .set($0, 5 + $0) }, [.toggle(0, 0), .newAddress(1), .set(4, 13), .toggle(2, 1)],
            [.toggle(0, 0), .toggle(2, 1), .leave(1), .newKey(3), .toggle(3, 1)],
        ]
        clients.rounds = moves.enumerated().map { number, moves in
            Clients.Round(moves: moves, runners: [Runner(number: 7001 + 10 * number, delay: .zero)])
        }
        scenario.clients = clients
        scenario.rounds = moves.map { _ in Round(moves: [], runners: [], wait: .seconds(1)) }
        return scenario
    }
}

extension Scenario.Clients {
    fileprivate init(_ dice: inout Dice, _ type: ProjectType) {
        hasKey = dice.chance(70)
        switch type {
        case .email: mapsUserID = dice.chance(40)
        case .userID: (mapsEmail, mapsUserID) = (dice.chance(50), true)
        case .hybrid:
            let columns = dice.below(10)
            (mapsEmail, mapsUserID) = (columns != 0, columns != 1)
        }
        hasAddress = dice.chance(50)
        merges = dice.chance(50)
        nulls = dice.pick([.clear, .clear, .clear, .skip, .always])
        for member in ["plan", "orders", "address"] where dice.chance(25) {
            ownNulls[member] = dice.pick(NullRule.allCases)
        }
        newest = dice.chance(40)
        makesFields = dice.chance(50)
        for field in fields where dice.chance(makesFields ? 60 : 10) { missing.insert(field) }
        madeBefore = dice.between(0, 3)
        if dice.chance(20) { maxInvalid = Double(dice.pick([10, 50])) }
        if dice.chance(20) { maxChanges = 1 }
        allowEmpty = dice.chance(60)
        // One or two customers meet each other's histories more often than a handful.
        customers = dice.chance(40) ? dice.between(1, 2) : dice.between(2, 6)
        if dice.chance(30) { afflicted[dice.below(customers)] = dice.pick([.forgotten, .invalid, .badData]) }
        if type == .hybrid && dice.chance(20) { strangers.append(dice.below(customers)) }
    }

    // MARK: Fields

    /// The fields of the sync.
    var fields: [String] {
        hasAddress ? ["plan", "orders", "address.city", "address.zip"] : ["plan", "orders"]
    }

    /// What Iterable replaces, and what is cleared, as one.
    var units: [String] { hasAddress && !merges ? ["plan", "orders", "address"] : fields }

    /// The member of the profile that a field is or belongs to.
    static func member(of field: String) -> String { String(field.prefix { $0 != "." }) }

    static func belongs(_ field: String, to unit: String) -> Bool {
        field == unit || field.hasPrefix(unit + ".")
    }

    func rule(of field: String) -> NullRule { ownNulls[Self.member(of: field)] ?? nulls }

    /// The column by which looks of a stream find what has changed.
    var cursor: EventSettings.Cursor? {
        guard let streaming else { return nil }
        var cursor = EventSettings.Cursor(column: "changed")
        (cursor.overlap, cursor.sweepSeconds) = (.steps(streaming.overlap), streaming.sweepSeconds)
        return cursor
    }

    // MARK: Rows

    private func email(_ row: Customers.Row) -> String? { mapsEmail ? Oracle.email(row["email"].bytes) : nil }

    /// No userId has white space around it.
    private func userID(_ row: Customers.Row) -> String? {
        guard mapsUserID, let text = row["user_id"].text, !text.hasPrefix(" ") else { return nil }
        return text
    }

    /// nil: the row has none.
    func key(of row: Customers.Row) -> String? {
        if hasKey { return row["id"].text }
        return mapsUserID ? userID(row) : email(row)
    }

    func isFlawed(_ row: Customers.Row) -> Bool {
        row["plan"].text?.contains("\u{0}") == true || row["orders"].text != nil
    }

    func content(of row: Customers.Row) -> ProfileContent {
        var content = ProfileContent(email: email(row), userID: userID(row))
        for field in fields {
            switch row[Customers.column(of: field)] {
            case .null, .timestamp: break
            case .text(let text): content.values[field] = "\"\(text)\""
            case .integer(let number): content.values[field] = "\(number)"
            }
        }
        return content
    }
}

extension Customers.Other {
    fileprivate init(_ dice: inout Dice) {
        hasOtherKey = dice.chance(60)
        isSame = dice.chance(40)
        age = dice.chance(15) ? nil : Int64(dice.between(-1, 1))
        if dice.chance(25) { flaw = dice.pick([.text, .storage]) }
    }
}

extension Scenario.ClientMove {
    init(_ dice: inout Dice, _ clients: Scenario.Clients) {
        let customer = dice.below(clients.customers)
        let other = dice.below(clients.customers)
        switch dice.below(40) {
        case 0...8: self = .set(customer, dice.below(108))
        case 9...15: self = .toggle(customer, dice.below(clients.fields.count))
        case 16, 17: self = .leave(customer)
        case 18: self = .enter(customer)
        case 19, 20: self = .other(customer, Customers.Other(&dice))
        case 21, 22: self = .noOthers(customer)
        case 23, 24: self = .newKey(customer)
        case 25: self = .newAddress(customer)
        case 26: self = dice.chance(50) ? .newAddress(customer) : .oldAddress(customer)
        case 27: self = .takeAddress(customer, from: other)
        case 28: self = .swapAddresses(customer, other)
        case 29: self = .newUserID(customer)
        case 30: self = .takeUserID(customer, from: other)
        case 31, 32: self = .toggleUserID(customer)
        case 33: self = .toggleEmail(customer)
        case 34, 35: self = .wrong(customer, dice.below(3))
        case 36: self = .spelling(customer)
        case 37: self = dice.chance(50) ? .turnOthers(customer) : .turn
        case 38: self = .keyless
        default: self = dice.chance(20) ? .empty : .set(customer, dice.below(108))
        }
    }
}
