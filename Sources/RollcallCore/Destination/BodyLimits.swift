/// How many bytes a delivery may have, and how many each of its records adds.
public struct BodyLimits: Sendable {
    /// Most bytes of one request's body.
    public var maximumBytes: Int
    /// Upper bound, in bytes, of everything in a body but its records.
    public var envelopeBytes: Int
    /// Upper bound, in bytes, of what the record of a change adds to a body.
    public var recordBytes: @Sendable (Change) -> Int

    public init(
        maximumBytes: Int, envelopeBytes: Int, recordBytes: @escaping @Sendable (Change) -> Int
    ) {
        self.maximumBytes = maximumBytes
        self.envelopeBytes = envelopeBytes
        self.recordBytes = recordBytes
    }
}
