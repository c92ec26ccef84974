/// The faults in force and how often each has matched and happened.
struct FaultPlan: Sendable {
    private struct Rule: Sendable {
        let fault: Fault
        var matched = 0
        var happened = 0
    }

    private var rules: [Rule]

    init(_ faults: [Fault]) { rules = faults.map { Rule(fault: $0) } }

    /// The faults with the number of times each has happened.
    var active: [(fault: Fault, happened: Int)] { rules.map { ($0.fault, $0.happened) } }

    /// The fault for a request: the first rule that fires. Every rule whose target matches counts the request,
    /// and draws once if it has a probability, so that rules don't depend on each other.
    mutating func next(path: String, using generator: inout SeededGenerator) -> Fault? {
        var chosen: Fault?
        for index in rules.indices where rules[index].fault.target.matches(path: path) {
            rules[index].matched += 1
            guard fires(rules[index], using: &generator), chosen == nil else { continue }
            rules[index].happened += 1
            chosen = rules[index].fault
        }
        return chosen
    }

    /// The faults for an event that is to be sent to the webhook: all rules for it that fire, each kind once.
    mutating func next(forEventUsing generator: inout SeededGenerator) -> [Fault] {
        var chosen: [Fault] = []
        for index in rules.indices where rules[index].fault.target == .webhook {
            rules[index].matched += 1
            let fault = rules[index].fault
            guard fires(rules[index], using: &generator), !chosen.contains(where: { $0.kind == fault.kind }) else {
                continue
            }
            rules[index].happened += 1
            chosen.append(fault)
        }
        return chosen
    }

    private func fires(_ rule: Rule, using generator: inout SeededGenerator) -> Bool {
        let isDue =
            switch rule.fault.trigger {
            case .probability(let probability): Double.random(in: 0..<1, using: &generator) < probability
            case .nth(let number): rule.matched == number
            }
        return isDue && rule.happened < rule.fault.limit ?? Int.max
    }
}
