import RollcallCore
import Warehouse

/// The customers from whose rows profiles are made. A customer has one row, and perhaps further ones with the same key or another
/// one. It shares no decision with the engine; what the rows mean is in ``Meaning``.
struct Customers {
    typealias Row = TableRow

    /// A further row of a customer.
    struct Other: Sendable, Equatable {
        var hasOtherKey: Bool
        /// Whether it has the values of the first row.
        var isSame: Bool
        /// By how much it is newer than the first row; nil: it does not say.
        var age: Int64?
        var flaw: Flaw?
    }

    /// Why a row cannot be sent.
    enum Flaw: Sendable {
        /// U+0000, which is seen in a text only when it is written as JSON.
        case text
        /// A text in a column of numbers.
        case storage
    }

    private struct Customer: Equatable {
        var isIn = false
        /// Numbers of address and userId; they move between customers.
        var address: Int
        /// The one before; nil: there was none.
        var formerAddress: Int?
        var user: Int
        /// Odd: the row has the second one of the customer's two keys.
        var keys = 0
        var hasEmail = true
        var hasUserID = true
        var isShouted = false
        /// 0: none; 1: the address is none; 2: the userId is none.
        var wrong = 0
        /// Of plan, orders, city and zip; 0: NULL.
        var digits = [0, 0, 0, 0]
        var changed: Int64 = 0
        var others: [Other] = []
        var othersComeFirst = false
    }

    private let type: ProjectType
    private let hasKey: Bool
    private var customers: [Customer]
    private var nextAddress: Int
    private var nextUser: Int
    /// What the column `changed` has got last.
    private var time: Int64 = 0
    private var hasKeyless = false
    private var isTurned = false

    init(_ scenario: Scenario) {
        let count = scenario.clients?.customers ?? 0
        type = scenario.type
        hasKey = scenario.clients?.hasKey ?? true
        customers = (0..<count).map { Customer(address: $0, user: $0) }
        (nextAddress, nextUser) = (count, count)
    }

    static func email(_ number: Int) -> String { "m\(number)@example.com" }
    static func userID(_ number: Int) -> String { "V\(number)" }

    /// A field `address.city` is filled from the column `city`.
    static func column(of field: String) -> String { String(field.drop { $0 != "." }.dropFirst()).ifEmpty(field) }

    static let table = AudienceSource.table(["customers"])

    static let columns: [AudienceColumn] =
        ["id", "email", "user_id", "plan", "city", "zip"].map {
            AudienceColumn(name: $0, type: "text", canIdentify: true, family: .text)
        }
        + ["orders", "changed"].map { AudienceColumn(name: $0, type: "bigint", canIdentify: true, family: .long) }

    /// For the story of a history.
    static let shown = ["id", "email", "user_id", "plan", "orders", "city", "zip", "changed"]

    // MARK: Rows

    var rows: [Row] {
        var all = customers.indices.flatMap { rows(of: $0) }
        if hasKeyless {
            var row = Row()
            row["email"] = hasKey ? .text("keyless@example.com") : .null
            row["user_id"] = hasKey ? .text("keyless") : .null
            row["plan"] = .text("free")
            all.append(row)
        }
        if isTurned { all.reverse() }
        return all
    }

    private func rows(of number: Int) -> [Row] {
        let customer = customers[number]
        if !customer.isIn { return [] }
        let first = row(number)
        let others = customer.others.map { other -> Row in
            var row = first
            if other.hasOtherKey { row["id"] = .text("d-\(number)") }
            if !other.isSame { row["plan"] = .text("other") }
            row["changed"] = other.age.map { Row.Value.integer(customer.changed + $0) } ?? .null
            switch other.flaw {
            case .text?: row["plan"] = .text("a\u{0}")
            case .storage?: row["orders"] = .text("many")
            case nil: break
            }
            return row
        }
        return customer.othersComeFirst ? others + [first] : [first] + others
    }

    private func row(_ number: Int) -> Row {
        let customer = customers[number]
        let (email, userID) = identifiers(customer)
        var row = Row()
        row["id"] = .text(customer.keys % 2 == 0 ? "c-\(number)" : "e-\(number)")
        if let email {
            let spelled = customer.isShouted ? " \(email.uppercased())\t" : email
            row["email"] = .text(customer.wrong == 1 ? "nobody" : spelled)
        }
        if let userID { row["user_id"] = .text(customer.wrong == 2 ? " \(userID)" : userID) }
        // The last plan looks like a date.
        row["plan"] = Self.text(["free", "pro", "2024-05-06"], customer.digits[0])
        row["orders"] = customer.digits[1] == 0 ? .null : .integer(Int64(customer.digits[1]))
        row["city"] = Self.text(["Bonn", "Kiel"], customer.digits[2])
        row["zip"] = Self.text(["z1", "z2"], customer.digits[3])
        row["changed"] = .integer(customer.changed)
        return row
    }

    private static func text(_ choices: [String], _ digit: Int) -> Row.Value {
        digit == 0 ? .null : .text(choices[(digit - 1) % choices.count])
    }

    /// What a project needs is there.
    private func identifiers(_ customer: Customer) -> (email: String?, userID: String?) {
        let hasEmail = type == .email || customer.hasEmail || (type == .hybrid && !customer.hasUserID)
        let hasUserID = type == .userID || customer.hasUserID
        return (
            hasEmail ? Self.email(customer.address) : nil, hasUserID ? Self.userID(customer.user) : nil
        )
    }

    func identifiers(of number: Int) -> (email: String?, userID: String?) { identifiers(customers[number]) }

    /// Whether no row of the customer has a value of a field.
    func isEmpty(_ number: Int, _ field: String) -> Bool {
        rows(of: number).allSatisfy { $0[Self.column(of: field)] == .null }
    }

    // MARK: Moves

    /// A change while processes run, with which the column `changed` grows, or does not.
    mutating func move(_ later: Scenario.Clients.LaterChange) {
        let before = customers
        move(later.move)
        time += 10
        for number in customers.indices where customers[number] != before[number] {
            customers[number].changed = later.grows ? max(0, time - later.lag) : before[number].changed
        }
    }

    mutating func move(_ move: Scenario.ClientMove) {
        switch move {
        case .set(let number, let code):
            time += 10
            customers[number].isIn = true
            customers[number].digits = [code % 4, code / 4 % 3, code / 12 % 3, code / 36 % 3]
            customers[number].changed = time
        case .toggle(let number, let place):
            time += 10
            customers[number].digits[place] = customers[number].digits[place] == 0 ? 1 : 0
            customers[number].changed = time
        case .leave(let number): customers[number].isIn = false
        case .enter(let number): customers[number].isIn = true
        case .other(let number, let other):
            if customers[number].others.count < 2 { customers[number].others.append(other) }
        case .noOthers(let number): customers[number].others = []
        case .newKey(let number): customers[number].keys += 1
        case .newAddress(let number):
            customers[number].formerAddress = customers[number].address
            customers[number].address = nextAddress
            nextAddress += 1
        case .oldAddress(let number):
            if let former = customers[number].formerAddress { customers[number].address = former }
        case .takeAddress(let number, let other): customers[number].address = customers[other].address
        case .swapAddresses(let one, let other):
            (customers[one].address, customers[other].address) = (customers[other].address, customers[one].address)
        case .newUserID(let number):
            customers[number].user = nextUser
            nextUser += 1
        case .takeUserID(let number, let other): customers[number].user = customers[other].user
        case .toggleEmail(let number): customers[number].hasEmail.toggle()
        case .toggleUserID(let number): customers[number].hasUserID.toggle()
        case .spelling(let number): customers[number].isShouted.toggle()
        case .wrong(let number, let which): customers[number].wrong = which
        case .turnOthers(let number): customers[number].othersComeFirst.toggle()
        case .keyless: hasKeyless.toggle()
        case .turn: isTurned.toggle()
        case .empty: for number in customers.indices { customers[number].isIn = false }
        }
    }
}

extension String {
    fileprivate func ifEmpty(_ other: String) -> String { isEmpty ? other : self }
}
