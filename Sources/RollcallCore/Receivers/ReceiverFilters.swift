extension ReceiverSettings {
    /// Why the receiver leaves an event out: ``ReceiverOutcome/filtered``, or else ``ReceiverOutcome/withoutUser``. A receiver
    /// that keeps every event does not look at the body; any other checks it to its end, but makes nothing of it.
    /// - Parameter body: at most 2 GB.
    /// - Returns: nil where the event is kept.
    /// - Throws: why the body is no event, where it was looked at.
    package func omission(of body: [UInt8]) throws(BodyProblem) -> ReceiverOutcome? {
        guard events != .all || requiresUserID else { return nil }
        let members = try FilterMembers(body)
        if !events.includes(members.eventName) { return .filtered }
        return requiresUserID && !members.hasUserID ? .withoutUser : nil
    }
}
