/// The profile fields that a sync of a list sends with each subscribe.
///
/// Iterable makes no fields by a subscribe, and an object is sent whole
/// (source: Iterable's API description, `POST /api/lists/subscribe`).
package struct MemberFieldSettings: Sendable, Equatable {
    package var fields: FieldSelection
    /// Of fields that do not say otherwise.
    package var nulls = NullRule.clear

    package init(fields: FieldSelection, nulls: NullRule = .clear) {
        self.fields = fields
        self.nulls = nulls
    }

    /// The same as a sync of users would have them.
    package var ofUsers: UserSettings {
        var users = UserSettings(fields: fields)
        users.nulls = nulls
        users.nested = .replace
        return users
    }
}
