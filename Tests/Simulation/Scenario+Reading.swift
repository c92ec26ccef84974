import RollcallCore

extension Scenario {
    /// How the rows of the list are read: in every fifth history by groups. Those of lists with fields are all read.
    func reading(seed: UInt64) -> ReadSetting {
        var dice = Dice(seed, "reading")
        guard listFields == nil, dice.chance(30) else { return .all }
        return dice.pick([.changed, .changed, .changed, .auto])
    }

    /// How the rows of the sync of a catalog, or of users, are read.
    func recordReading(seed: UInt64) -> ReadSetting {
        var dice = Dice(seed, "reading of records")
        guard goods != nil || clients != nil, dice.chance(40) else { return .all }
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

    /// As ``profiles(_:)``, with more customers and a round in which nothing changes.
    static func groupedProfiles(_ type: ProjectType) -> Scenario {
        var scenario = profiles(type)
        scenario.recordReading = .changed
        scenario.clients?.customers = 9
        scenario.clientRounds[0].moves += (5..<9).map { .set($0, 5 + $0) }
        scenario.clientRounds.insert(
            Clients.Round(moves: [], runners: [Runner(number: 7091, delay: .zero)]), at: 1)
        scenario.rounds.append(Round(moves: [], runners: [], wait: .seconds(1)))
        return scenario
    }
}
