import RollcallCore

extension Scenario {
    /// What happens to a second sync in the same history, which keeps a catalog.
    struct Goods: Sendable {
        /// The catalog is in Iterable before the first run, with an item of others.
        var startsThere: Bool
        var mirrors: Bool
        var maxRemovals: GuardSettings.RemovalLimit
        var allowEmpty: Bool
        /// Items are read back, and some are accepted and never carried out.
        var verifies = false
        /// Seconds between two sweeps of a stream; nil: no process streams.
        var sweepSeconds: Int?
        /// For each round of the history.
        var rounds: [Round]

        struct Round: Sendable {
            var moves: [GoodsMove]
            var runners: [Runner]
            /// Somebody deletes the catalog first, and perhaps makes it again.
            var meddling: Meddling?
        }
    }

    /// A change of the rows.
    enum GoodsMove: Sendable {
        /// Version 0: NULL.
        case set(Int, Int)
        case remove(Int)
        case repeated(Int, isSame: Bool)
        case unsendable(Int)
        case badKey(isNull: Bool)
        case shuffle
        case empty
    }

    /// Every third history has one.
    func goods(seed: UInt64) -> Goods? {
        var dice = Dice(seed, "goods")
        guard dice.chance(34) else { return nil }
        var goods = Goods(
            startsThere: dice.chance(40), mirrors: dice.chance(75),
            maxRemovals: dice.chance(60) ? .percent(100) : .count(dice.between(0, 3)), allowEmpty: dice.chance(60),
            rounds: [])
        var checks = Dice(seed, "goods checks")
        goods.verifies = checks.chance(50)
        let items = dice.chance(30) ? dice.between(1, 2) : dice.between(2, 9)
        let mayDelete = dice.chance(15)
        for number in rounds.indices {
            var round = Goods.Round(moves: [], runners: [])
            if number == 0 {
                for item in 0..<items where dice.chance(60) { round.moves.append(.set(item, dice.below(4))) }
            } else {
                for _ in 0..<dice.between(0, items) { round.moves.append(GoodsMove(&dice, items)) }
            }
            round.runners = [Runner(&dice, number: 5001 + 10 * number)]
            while round.runners.count < 3, dice.chance(30) {
                round.runners.append(Runner(&dice, number: 5001 + 10 * number + round.runners.count))
            }
            if mayDelete && number > 0 && dice.chance(40) { round.meddling = dice.pick([.deleteList, .recreateList]) }
            goods.rounds.append(round)
        }
        streams(seed, &goods)
        return goods
    }

    /// Some processes stream instead of running.
    private func streams(_ seed: UInt64, _ goods: inout Goods) {
        var dice = Dice(seed, "goods streams")
        guard dice.chance(40) else { return }
        goods.sweepSeconds = dice.pick([5, 20, 3600])
        for (round, runners) in goods.rounds.map(\.runners).enumerated() {
            for place in runners.indices where dice.chance(70) {
                goods.rounds[round].runners[place].looks = dice.between(1, dice.pick([3, 12]))
            }
        }
    }

    func sync(_ goods: Goods, guarded: Bool) -> SyncSettings {
        var catalog = CatalogSettings(
            name: SimulatedCatalog.name, key: "key",
            fields: .only([FieldSetting(name: "title", source: .column("title"))]))
        catalog.create = true
        catalog.mode = goods.mirrors ? .mirror : .upsert
        catalog.documents = .replace
        // Every item, once Iterable has had the time that it needs.
        if goods.verifies { catalog.verify = .init(sample: 20, seconds: Int(settleSeconds) + 1) }
        if let seconds = goods.sweepSeconds {
            var cursor = EventSettings.Cursor(column: "at")
            // All rows lie behind it, so that a look sees all rows of a key.
            (cursor.overlap, cursor.sweepSeconds) = (.steps(1_000_000), seconds)
            catalog.cursor = cursor
        }
        var sync = SyncSettings(
            name: "goods", warehouse: "shop", destination: "marketing", audience: .table(["products"]),
            target: .catalog(catalog))
        sync.read = recordReading
        sync.guards.maxRemovals = guarded ? goods.maxRemovals : .percent(100)
        sync.guards.allowEmpty = guarded ? goods.allowEmpty : true
        return sync
    }
}

extension Scenario.GoodsMove {
    fileprivate init(_ dice: inout Dice, _ items: Int) {
        let item = dice.below(items)
        switch dice.below(20) {
        case 0...8: self = .set(item, dice.below(4))
        case 9...12: self = .remove(item)
        case 13, 14: self = .repeated(item, isSame: dice.chance(50))
        case 15: self = .unsendable(item)
        case 16: self = .badKey(isNull: dice.chance(50))
        case 17: self = .shuffle
        default: self = dice.chance(20) ? .empty : .set(item, dice.below(4))
        }
    }
}
