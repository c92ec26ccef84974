extension EventCursor {
    /// A position for people: `2026-11-29T08:00:00Z`, or the number.
    package func text(of position: Int64) -> String {
        isTime ? CivilTimeText.writable(microseconds: position) ?? String(position) : String(position)
    }
}
