import RollcallCore

extension Scenario {
    /// How the rows of the list are read: in every fifth history by groups. Those of lists with fields are all read.
    func reading(seed: UInt64) -> ReadSetting {
        var dice = Dice(seed, "reading")
        guard listFields == nil, dice.chance(30) else { return .all }
        return dice.pick([.changed, .changed, .changed, .auto])
    }

    /// People come, then change and leave while others stay, in rounds of which one changes nothing: the history of groups of
    /// rows in which every single fault is tried at every call.
    static func grouped(_ type: ProjectType) -> Scenario {
        var scenario = plain(type, list: .byID)
        scenario.reading = .changed
        scenario.people = 9
        scenario.rounds[0].moves += (4..<9).map { .toggle($0) }
        let quiet = Round(moves: [], runners: [Runner(number: 91, delay: .zero)], wait: .seconds(1))
        scenario.rounds.insert(quiet, at: 1)
        return scenario
    }
}
