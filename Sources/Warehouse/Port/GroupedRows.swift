package import RollcallCore

/// What an engine says of the rows of an audience before it is asked for them.
package struct GroupedRows: Sendable, Equatable {
    /// What decides beside the rows what their digests are and which people they stand for: the server's version and encoding, the
    /// types of the columns. Digests of another basis mean nothing.
    package var basis: String
    /// For each bucket, also for those without rows.
    package var digests: [BucketDigest]

    package init(basis: String, digests: [BucketDigest]) {
        self.basis = basis
        self.digests = digests
    }
}
