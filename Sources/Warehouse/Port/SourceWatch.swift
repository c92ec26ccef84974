/// Says, cheaply, whether something may have been committed to a warehouse. The rules of ``Warehouse`` hold.
package protocol SourceWatching: Sendable {
    /// Watches for commits until ``SourceWatch/end()``.
    /// - Parameters:
    ///   - channel: of Postgres's NOTIFY; nil: none. SQLite has no channels and throws for one.
    ///   - onWake: called when a notification has come; from any thread, and must not block.
    func watch(channel: String?, onWake: @escaping @Sendable () -> Void) async throws(WarehouseError) -> any SourceWatch
    /// Whether the sync is paused. False where there are no state tables yet.
    func isPaused(sync: String) async throws(WarehouseError) -> Bool
}

/// A watch for commits, over a separate connection where the warehouse needs one.
package protocol SourceWatch: AnyObject, Sendable {
    /// Whether anything may have been committed since it was asked last. The first answer is true, and so is every answer of a
    /// warehouse that cannot tell: SQLite can (`PRAGMA data_version`), Postgres cannot.
    func mayHaveChanged() async -> Bool
    /// Whether notifications come. Of a warehouse without channels, or where none was asked for, ``WakeState/none``.
    var wakes: WakeState { get }
    /// Ends the watch and its connection. May be called again.
    func end() async
}

/// Whether the notifications of a channel come.
package enum WakeState: Sendable, Equatable {
    /// No channel was asked for.
    case none
    /// A notification that was sent over another connection came.
    case listening
    /// They do not come, for instance behind a pooler that gives each transaction another connection; in a whole sentence.
    case unavailable(String)
}
