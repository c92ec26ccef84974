/// What a look at an item of a catalog finds, compared with what was put last.
package enum ItemFinding: Sendable, Equatable {
    /// It has the content that was put.
    case same
    /// It is there with other content.
    case differs
    /// The catalog has no such item.
    case missing
}
