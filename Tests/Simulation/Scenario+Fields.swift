import RollcallCore

extension Scenario {
    /// The fields that are sent with the members of the list.
    struct ListFields: Sendable {
        var nulls = NullRule.clear
        /// The round from which on the sync has them.
        var begins = 0

        var settings: MemberFieldSettings {
            MemberFieldSettings(
                fields: .only(MemberValues.names.map { FieldSetting(name: $0, source: .column($0)) }), nulls: nulls)
        }
    }

    /// Every third history has some. What the rows say of them is drawn for each round.
    mutating func addListFields() {
        var dice = Dice(seed, "list fields")
        guard dice.chance(33) else { return }
        let fields = ListFields(
            nulls: dice.pick([.clear, .clear, .skip, .always]), begins: dice.chance(75) ? 0 : dice.between(1, 2))
        listFields = fields
        for round in rounds.indices {
            for person in 0..<people where dice.chance(round == 0 ? 80 : 25) {
                let values = MemberValues(&dice, mayBeFlawed: mayBeFlawed && round >= fields.begins)
                let others = dice.chance(20) ? MemberValues(&dice, mayBeFlawed: false) : nil
                rounds[round].moves.append(.values(person, values, others: others))
            }
        }
    }

    /// Of hybrid projects rows that cannot be sent are left to `ListFieldsTests`: the model of the audience does not know whom
    /// such a row makes one person.
    private var mayBeFlawed: Bool { type != .hybrid }

    /// People come with fields, some of which then change, are cleared or come back, while others leave: the history in which
    /// every single fault is tried at every call.
    static func filled(_ type: ProjectType) -> Scenario {
        var scenario = plain(type, list: .byID)
        scenario.listFields = ListFields()
        func values(_ person: Int, _ code: Int) -> Move { .values(person, MemberValues(code: code), others: nil) }
        scenario.rounds[0].moves += (0..<5).map { values($0, $0 + 4) }
        scenario.rounds[1].moves += [values(1, 2), values(2, 0)]
        scenario.rounds[2].moves += [values(2, 3), values(4, 1)]
        return scenario
    }
}

extension MemberValues {
    fileprivate init(_ dice: inout Dice, mayBeFlawed: Bool) {
        self.init(code: dice.below(Self.codes), isFlawed: mayBeFlawed && dice.chance(8))
    }
}
