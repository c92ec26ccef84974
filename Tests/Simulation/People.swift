import RollcallCore

/// The people behind the audience's rows.
struct People {
    private struct Person {
        var isIn = false
        /// Numbers of address and userId; they move between people.
        var address: Int
        var user: Int
        var hasEmail = true
        var hasUserID = true
        /// 0: once; 1: twice, spelled otherwise; 2: with blanks around it; 3: in capitals.
        var spelling = 0
        var isInvalid = false
        /// Whether the row has a placeholder that others have too where its address, its userId should be.
        var hidesAddress = false
        var hidesUser = false
        /// Hybrid projects: rows beside the first one, with other subsets of the person's identifiers.
        var others: [Part] = []
        /// The other rows come before the first one of everybody.
        var othersComeFirst = false
        var values = MemberValues()
        /// Of every row but the first; nil: the same.
        var otherValues: MemberValues?
    }

    /// Which of a person's identifiers a row has.
    private enum Part: Int { case both, email, userID }

    private let scenario: Scenario
    private var people: [Person]
    private var nextAddress: Int
    private var nextUser: Int

    init(_ scenario: Scenario) {
        self.scenario = scenario
        people = (0..<scenario.people).map { Person(address: $0, user: $0) }
        nextAddress = scenario.people
        nextUser = scenario.people
    }

    /// What a source writes where it knows nothing.
    static let placeholderEmail = "none@example.com"
    static let placeholderUserID = "0"

    private func email(_ person: Person) -> String {
        person.hidesAddress ? People.placeholderEmail : People.email(person.address)
    }
    private func userID(_ person: Person) -> String {
        person.hidesUser ? People.placeholderUserID : People.userID(person.user)
    }

    static func email(_ number: Int) -> String { "p\(number)@example.com" }
    static func userID(_ number: Int) -> String { "U\(number)" }

    // MARK: Rows

    /// A row of the table `people`.
    struct Row: Equatable, Sendable {
        var email: [UInt8]?
        var userID: [UInt8]?
        var values = MemberValues()

        /// By the names of the columns.
        var cells: TableRow {
            var row = TableRow()
            row["email"] = email.map { .text(String(decoding: $0, as: UTF8.self)) } ?? .null
            row["user_id"] = userID.map { .text(String(decoding: $0, as: UTF8.self)) } ?? .null
            values.write(to: &row)
            return row
        }
    }

    var rows: [Row] {
        let present = people.filter(\.isIn)
        return present.filter(\.othersComeFirst).flatMap(otherRows) + present.flatMap(rows)
            + present.filter { !$0.othersComeFirst }.flatMap(otherRows)
    }

    private func otherRows(_ person: Person) -> [Row] {
        let email = Array(self.email(person).uppercased().utf8)
        let userID = Array(self.userID(person).utf8)
        return person.others.map { part in
            Row(
                email: part == .userID ? nil : email, userID: part == .email ? nil : userID,
                values: person.otherValues ?? person.values)
        }
    }

    private func rows(_ person: Person) -> [Row] {
        if person.isInvalid { return [Row(email: Array("not an address".utf8), userID: nil)] }
        let usesEmail = scenario.type != .userID && !(scenario.placeholders)
        let usesUserID = scenario.type != .email || scenario.placeholders
        let email = usesEmail && (person.hasEmail || !usesUserID) ? self.email(person) : nil
        let userID = usesUserID && (person.hasUserID || email == nil) ? self.userID(person) : nil
        let user = userID.map { Array($0.utf8) }
        func row(_ email: String?, _ values: MemberValues? = nil) -> Row {
            Row(email: email.map { Array($0.utf8) }, userID: user, values: values ?? person.values)
        }
        switch person.spelling {
        case 1: return [row(email), row(email?.uppercased(), person.otherValues)]
        case 2: return [row(email.map { " " + $0 + "\t" })]
        case 3: return [row(email?.uppercased())]
        default: return [row(email)]
        }
    }

    // MARK: Moves

    mutating func move(_ move: Scenario.Move) {
        switch move {
        case .toggle(let index): people[index].isIn.toggle()
        case .newAddress(let index):
            people[index].address = nextAddress
            nextAddress += 1
        case .newUserID(let index):
            people[index].user = nextUser
            nextUser += 1
        case .swapAddresses(let one, let other):
            (people[one].address, people[other].address) = (people[other].address, people[one].address)
        case .takeAddress(let index, let other): people[index].address = people[other].address
        case .toggleEmail(let index): people[index].hasEmail.toggle()
        case .toggleUserID(let index): people[index].hasUserID.toggle()
        case .spelling(let index, let spelling): people[index].spelling = spelling
        case .placeholders(let index, let which):
            people[index].hidesUser = which & 1 != 0
            people[index].hidesAddress = which & 2 != 0
        case .otherRows(let index, var code):
            people[index].othersComeFirst = code % 2 == 1
            code /= 2
            people[index].others = []
            while code > 0 {
                if let part = Part(rawValue: code % 4 - 1) { people[index].others.append(part) }
                code /= 4
            }
        case .invalidRow(let index): people[index].isInvalid.toggle()
        case .values(let index, let values, let others):
            (people[index].values, people[index].otherValues) = (values, others)
        case .emptyAudience: for index in people.indices { people[index].isIn = false }
        }
    }
}
