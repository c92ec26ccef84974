/// The top-level domains that exist, as IANA lists them. A domain that ends in none of them receives no mail.
enum TopLevelDomains {
    private static let table = Table(list)

    /// How many there are.
    static var count: Int { table.count }

    /// Whether the label, in lower case, is a top-level domain.
    @inline(__always)
    static func contains(_ label: UnsafeRawBufferPointer) -> Bool { table.contains(label) }

    /// A hash table over the words of a constant text. It is built once; looking up allocates nothing.
    private struct Table: Sendable {
        /// Power of two, so that a hash is reduced by a mask; about three slots for each word.
        private static let slotCount = 4096

        private let text: StaticString
        /// 1 + offset of a word in the text, or 0. A word stands in the first free slot from its hash on.
        private let slots: [UInt16]
        let count: Int

        init(_ text: StaticString) {
            var slots = [UInt16](repeating: 0, count: Self.slotCount)
            var count = 0
            text.withUTF8Buffer { bytes in
                for word in bytes.split(whereSeparator: Self.isSeparator) {
                    var slot = Self.hash(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: word)))
                    while slots[slot] != 0 { slot = (slot + 1) & (Self.slotCount - 1) }
                    slots[slot] = UInt16(word.startIndex + 1)
                    count += 1
                }
            }
            self.text = text
            self.slots = slots
            self.count = count
        }

        func contains(_ word: UnsafeRawBufferPointer) -> Bool {
            var slot = Self.hash(word)
            return text.withUTF8Buffer { bytes in
                while slots[slot] != 0 {
                    if Self.isWord(word, at: Int(slots[slot]) - 1, of: bytes) { return true }
                    slot = (slot + 1) & (Self.slotCount - 1)
                }
                return false
            }
        }

        private static func isSeparator(_ byte: UInt8) -> Bool { byte <= ASCII.space }

        /// Whether the word at this offset of the text is exactly this one.
        private static func isWord(
            _ word: UnsafeRawBufferPointer, at offset: Int, of text: UnsafeBufferPointer<UInt8>
        ) -> Bool {
            let end = offset + word.count
            guard end <= text.count, end == text.count || isSeparator(text[end]) else { return false }
            for index in 0..<word.count where word[index] != text[offset + index] { return false }
            return true
        }

        /// FNV-1a, folded to the number of a slot.
        private static func hash(_ word: UnsafeRawBufferPointer) -> Int {
            var hash: UInt32 = 2_166_136_261
            for byte in word { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
            return Int((hash ^ hash &>> 16) & UInt32(slotCount - 1))
        }
    }
}
