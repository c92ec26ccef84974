/// How `serve` sends what is new as it comes, instead of by a schedule.
package struct StreamSettings: Sendable, Equatable {
    /// Seconds between two looks at the source while something comes, 1 to 60. Where nothing comes, the time doubles with each
    /// look, up to ``longestIdleSeconds``.
    package var pollSeconds = 5.0
    /// Seconds that a wake-up waits for more before the source is read, 0 to 30, so that many small commits make few requests.
    package var lingerSeconds = 1.0
    /// The channel of Postgres's NOTIFY that says that something was committed; nil: none. It is a hint: what no notification
    /// announces is found by the next look.
    package var wake: String?

    /// Records that may be read and have no outcome yet, 1 or more; what is beyond stays in the source until then. Not configurable.
    package var mostWaiting = 100_000

    package static let longestIdleSeconds = 30.0

    package init() {}
}
