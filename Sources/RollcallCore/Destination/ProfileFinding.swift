/// By what one profile is asked for.
package enum ProfileName: Sendable, Hashable {
    case email(String)
    case userID(String)
}

/// What a look at a profile finds.
package enum ProfileFinding: Sendable, Equatable {
    /// - Parameter userID: the one that the profile has; nil: it has none.
    case found(userID: String?)
    /// The project has no such profile.
    case unknown
    /// Iterable refuses the identifier, or the person was forgotten: what an update of the person would come to.
    case refused(RecordOutcome)
}
