/// One numbered step of the state tables. Forward-only: once released, a step is never edited.
struct Migration: Sendable {
    /// From 1, without gaps.
    var version: Int
    var name: String
    /// Statements of the adapter's own dialect, run in one transaction.
    var sql: String
}
