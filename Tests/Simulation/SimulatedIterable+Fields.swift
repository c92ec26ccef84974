/// What Iterable keeps of the fields that are sent with subscriptions. A null clears a field; a request without fields touches
/// none.
extension SimulatedIterable {
    /// What a field of a profile holds, and which request has written that.
    struct WrittenField {
        /// ``MemberValues/null``: it was cleared.
        var json: String
        /// The number of the request.
        var request: Int
        /// Under which identifiers the request knew the person.
        var names: Set<String>
        /// Whether its answer has reached its process.
        var isAcknowledged = false
        /// Whether the person was not taken off the list since: whoever leaves keeps the fields, and the sync forgets them.
        var isOfMember = true
    }
}

extension SimulatedIterable.Profile {
    /// Writes what a request says of the person.
    /// - Returns: fields that had a newer value, of a request for the same identifiers whose answer had reached its process.
    mutating func write(
        _ subscriber: SimulatedIterable.Subscriber, by request: SimulatedIterable.Request
    ) -> [String] {
        var overwritten: [String] = []
        for (name, json) in (subscriber.fields ?? [:]).sorted(by: { $0.key < $1.key }) {
            let written = SimulatedIterable.WrittenField(json: json, request: request.number, names: subscriber.names)
            let known = fields.updateValue(written, forKey: name)
            guard let known, known.isAcknowledged, known.isOfMember, known.request > request.number,
                known.json != json, !known.names.isDisjoint(with: written.names)
            else { continue }
            overwritten.append(name)
        }
        return overwritten
    }

    mutating func acknowledge(request: Int) {
        for name in fields.keys where fields[name]?.request == request { fields[name]?.isAcknowledged = true }
    }

    /// Off the list.
    mutating func leave() {
        joinedAs = []
        for name in fields.keys { fields[name]?.isOfMember = false }
    }
}

extension SimulatedIterable.Subscriber {
    var names: Set<String> { Set([email, userID].compactMap(\.self)) }

    func shares(_ other: SimulatedIterable.Subscriber) -> Bool {
        (email != nil && email == other.email) || (userID != nil && userID == other.userID)
    }
}
