/// What can go wrong at one call. The catalogue of docs/reliability.md, as far as it can happen inside a history.
package enum Fault: String, CaseIterable, Sendable {
    // The warehouse
    case storeLostBefore, storeLostAfter, storeLate, storeSlow, storeOutage, storeBusy, storeFull
    // The source, asked for groups of rows: it cannot give them now, or gives other rows than those of its digests
    case groupsRefused, groupsContradicted
    // The process, before or after a write
    case crashBeforeStore, crashAfterStore, stopBeforeStore, stopAfterStore
    // The process, around a request
    case crashBeforeRequest, crashInFlight, crashAfterAnswer, stopInFlight
    // The process, stopped before its last look, and after it: its request is sent on waking
    case stopBeforeRequest, stopBeforeWrite
    // The way to Iterable
    case notSent, lostBefore, lostAfter, late, slow
    // Iterable's answers
    case rateLimited, rateLimitedWish, rateLimitedNonsense, serverError, serverErrorApplied, gatewayPage, requestTimeout
    case truncated, notJSON, emptyAnswer, countsMismatch, unnamedFailure, refusedWhole, tooLarge, someInvalidData
    case someNamedTwice, keyRefused, forbidden

    static let store: [Fault] = [
        .storeLostBefore, .storeLostAfter, .storeLate, .storeSlow, .storeOutage, .storeBusy, .storeFull,
        .crashBeforeStore, .crashAfterStore, .stopBeforeStore, .stopAfterStore,
    ]

    /// Reading the audience or the snapshot has no second half.
    static let reading: [Fault] = [
        .storeLostBefore, .storeSlow, .storeOutage, .crashBeforeStore, .stopBeforeStore,
    ]

    /// Of groups of rows.
    static let grouping = reading + ofGroups
    static let ofGroups: [Fault] = [.groupsRefused, .groupsContradicted]
    /// Those of calls to the warehouse.
    static let ofWarehouse = [store, reading, grouping]

    static let delivery: [Fault] = [
        .crashBeforeRequest, .crashInFlight, .crashAfterAnswer, .stopInFlight, .stopBeforeRequest, .stopBeforeWrite,
        .notSent, .lostBefore, .lostAfter,
        .late, .slow, .rateLimited, .rateLimitedWish, .rateLimitedNonsense, .serverError, .serverErrorApplied,
        .gatewayPage, .requestTimeout, .truncated, .notJSON, .emptyAnswer, .countsMismatch, .unnamedFailure,
        .refusedWhole, .tooLarge, .someInvalidData, .someNamedTwice, .keyRefused, .forbidden,
    ]

    /// After these a request was carried out, may be, or was refused in part, and the process goes on.
    static let losses: [Fault] = [
        .lostAfter, .late, .slow, .serverErrorApplied, .gatewayPage, .countsMismatch, .unnamedFailure, .someInvalidData,
    ]

    static let lists: [Fault] = [
        .crashBeforeRequest, .crashAfterAnswer, .notSent, .lostBefore, .slow, .rateLimited, .serverError, .truncated,
    ]

    static let creation: [Fault] = [
        .crashBeforeRequest, .crashInFlight, .crashAfterAnswer, .stopBeforeRequest, .notSent, .lostBefore, .lostAfter,
        .late, .serverError,
        .serverErrorApplied, .truncated,
    ]
}

/// Decides which fault, if any, meets a call. The decision depends on the call's key alone, so that a shrunk history
/// meets the faults that are left at the same calls.
final class FaultPlan {
    private let seed: UInt64
    private let kinds: Set<Fault>
    private let storePercent: Int
    private let requestPercent: Int
    /// Shrinking: only these calls may meet a fault.
    private let only: Set<String>?
    private let chosen: [String: Fault]?
    var isOn = true
    /// Whether answers to deliveries get lost, or say nothing clear, although all other faults have stopped.
    var losesAnswers = false
    /// Calls that could have met a fault, in order, with the faults they could have met.
    private(set) var asked: [(key: String, choices: [Fault])] = []
    /// Calls that met a fault, in order.
    private(set) var met: [(key: String, fault: Fault)] = []

    init(_ scenario: Scenario) {
        seed = scenario.seed
        kinds = scenario.faults
        storePercent = scenario.storePercent
        requestPercent = scenario.requestPercent
        only = scenario.onlyFaultsAt
        chosen = scenario.chosenFaults
    }

    /// The fault that meets a call, with dice for its particulars.
    func draw(_ key: String, _ choices: [Fault]) -> (Fault, Dice)? {
        guard isOn else { return losesAnswers && choices == Fault.delivery ? drawLoss(key) : nil }
        if let chosen {
            asked.append((key, choices))
            guard let fault = chosen[key] else { return nil }
            met.append((key, fault))
            return (fault, Dice(seed, key))
        }
        if let only, !only.contains(key) { return nil }
        var dice = Dice(seed, key)
        let isStore = Fault.ofWarehouse.contains(choices)
        guard dice.chance(isStore ? storePercent : requestPercent) else { return nil }
        let open = choices.filter(kinds.contains)
        guard !open.isEmpty else { return nil }
        let fault = dice.pick(open)
        met.append((key, fault))
        return (fault, dice)
    }

    private func drawLoss(_ key: String) -> (Fault, Dice)? {
        if chosen != nil { return nil }
        if let only, !only.contains(key) { return nil }
        var dice = Dice(seed, key)
        guard dice.chance(40) else { return nil }
        let fault = dice.pick(Fault.losses)
        met.append((key, fault))
        return (fault, dice)
    }
}
