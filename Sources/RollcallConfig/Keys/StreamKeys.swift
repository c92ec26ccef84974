internal import RollcallCore

/// What stands below `stream`.
enum StreamKeys {
    static let poll = ConfigurationKey(
        "poll", .span(minimum: 1, maximum: 60),
        "Time between two looks for new rows, from 1s to 60s. While nothing comes it doubles with each look, up to "
            + "\(Int(StreamSettings.longestIdleSeconds))s.", defaultValue: .string("5s"))
    static let linger = ConfigurationKey(
        "linger", .span(minimum: 0, maximum: 30),
        "How long a notification waits for others before the source is read, from 0s to 30s, so that many small commits "
            + "make few requests.", defaultValue: .string("1s"))
    static let wake = ConfigurationKey(
        "wake", .text(TextRule(maximumBytes: longestChannel, pattern: #"^[^\u0000-\u001f\u007f-\u009f]+$"#)),
        "Postgres only: the channel of NOTIFY that says that rows were committed, exactly as it is written in NOTIFY or "
            + "pg_notify; at most \(longestChannel) bytes. It makes the stream look at once. Left out: it looks at each poll "
            + "only. rollcall check prints a trigger that notifies.", example: .string("orders_changed"))

    /// In bytes: Postgres refuses longer names of channels.
    static let longestChannel = 63

    static let section = ConfigurationSection(keys: [poll, linger, wake])
}
