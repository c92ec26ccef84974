/// How many bytes a delivery may have, and how many each of its records adds.
package struct BodyLimits: Sendable {
    /// Most bytes of one request's body.
    package var maximumBytes: Int
    /// Upper bound, in bytes, of everything in a body but its records.
    package var envelopeBytes: Int
    /// Upper bound, in bytes, of what the record of a change adds to a body.
    package var recordBytes: @Sendable (Change) -> Int

    package init(
        maximumBytes: Int, envelopeBytes: Int, recordBytes: @escaping @Sendable (Change) -> Int
    ) {
        self.maximumBytes = maximumBytes
        self.envelopeBytes = envelopeBytes
        self.recordBytes = recordBytes
    }
}
