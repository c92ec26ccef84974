/// What stands before the @, by the rules of Apache Commons EmailValidator: words joined by single dots, a word being
/// unquoted characters and backslash pairs (`a\@b`), or any text in double quotes (`"a b"`).
enum LocalPart {
    /// Bytes (RFC 5321, section 4.5.3.1.1).
    static let maximumCount = 64

    /// Whether the bytes follow the grammar, their number not looked at. No byte outside printable ASCII is accepted.
    @inline(__always)
    static func isWellFormed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var previous = ASCII.dot
        for byte in bytes {
            if byte == ASCII.dot {
                if previous == ASCII.dot { return false }
            } else if !ASCIISet.unquoted.contains(byte) {
                return isUnusualButWellFormed(bytes)
            }
            previous = byte
        }
        return previous != ASCII.dot
    }

    /// Where a reading of the local part can be. Commons takes a backslash before a closing quote both as the start of
    /// a pair and as a character by itself, so that several readings are followed at once.
    private struct States: OptionSet {
        let rawValue: UInt8
        /// At the beginning, or after a dot between words.
        static let wordStart = States(rawValue: 1)
        /// After an unquoted character or a backslash pair.
        static let unquoted = States(rawValue: 2)
        /// After the backslash of a pair.
        static let pair = States(rawValue: 4)
        /// Within double quotes.
        static let quoted = States(rawValue: 8)
        /// Within double quotes, after a backslash.
        static let quotedPair = States(rawValue: 16)
        /// After the closing quote.
        static let closed = States(rawValue: 32)
    }

    @inline(never)
    private static func isUnusualButWellFormed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var states: States = .wordStart
        for byte in bytes {
            guard ASCII.isPrintable(byte) else { return false }
            states = outsideQuotes(states, byte).union(insideQuotes(states, byte))
            if states.isEmpty { return false }
        }
        return !states.isDisjoint(with: [.unquoted, .closed])
    }

    private static func outsideQuotes(_ states: States, _ byte: UInt8) -> States {
        var next: States = []
        if states.contains(.pair) { next.insert(.unquoted) }
        if byte == ASCII.dot, !states.isDisjoint(with: [.unquoted, .closed]) { next.insert(.wordStart) }
        if byte == ASCII.quote, states.contains(.wordStart) { next.insert(.quoted) }
        if !states.isDisjoint(with: [.wordStart, .unquoted]) {
            if byte == ASCII.backslash { next.insert(.pair) }
            if ASCIISet.unquoted.contains(byte) { next.insert(.unquoted) }
        }
        return next
    }

    private static func insideQuotes(_ states: States, _ byte: UInt8) -> States {
        guard !states.isDisjoint(with: [.quoted, .quotedPair]) else { return [] }
        switch byte {
        case ASCII.quote: return states.contains(.quotedPair) ? [.closed, .quoted] : .closed
        case ASCII.backslash: return .quotedPair
        default: return .quoted
        }
    }
}
