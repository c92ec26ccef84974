/// How the rows of a source are to be read: `read` of the configuration.
package enum ReadSetting: String, Sendable, CaseIterable {
    /// Every row, each time.
    case all
    /// Rows of buckets that are not as they were at the last reading.
    case changed
    /// Whichever of the two cost less the last times.
    case auto
}

/// How the rows of one plan were read.
package struct AudienceRead: Sendable, Equatable {
    package enum Mode: String, Sendable, CaseIterable {
        /// Every row came, and nothing else was asked for.
        case all
        /// Every row came with the bucket that it lies in, so that a later run can compare buckets.
        case grouped
        /// Rows of buckets came that are not as they were.
        case changed
        /// Every row came, since the source could not group them, or gave other rows than those of its digests.
        case fallback
    }

    package var mode: Mode
    /// Bytes of rows and digests that came from the database; nil: nothing travelled, or it was not counted.
    package var bytes: Int64?
    /// Seconds from the first question about the rows to the last row, to the millisecond.
    package var seconds: Double
    /// Why they were read so: a whole sentence.
    package var reason: String

    package init(mode: Mode, bytes: Int64?, seconds: Double, reason: String) {
        self.mode = mode
        self.bytes = bytes
        self.seconds = (seconds * 1000).rounded() / 1000
        self.reason = reason
    }

    /// As a run's row has it; nil where it has nothing of use.
    package init?(mode: String?, bytes: Int64?, seconds: Double?, reason: String?) {
        guard let mode = mode.flatMap(Mode.init), let seconds else { return nil }
        self.init(mode: mode, bytes: bytes, seconds: seconds, reason: reason ?? "")
    }
}
