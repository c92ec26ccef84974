/// Cuts a stream of bytes into lines, at `\n` or `\r\n`; empty lines are left out.
struct LineSplitter {
    /// Bytes; longer lines end the reading.
    let longest: Int
    private var pending: [UInt8] = []

    init(longest: Int) { self.longest = longest }

    /// Returns false, and gives out nothing more, once a line is too long.
    mutating func consume(_ bytes: some Collection<UInt8>, _ line: (String) -> Void) -> Bool {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            pending.append(contentsOf: rest[..<end])
            guard pending.count <= longest else { return false }
            give(line)
            rest = rest[rest.index(after: end)...]
        }
        pending.append(contentsOf: rest)
        return pending.count <= longest
    }

    /// Gives out what stands after the last line break.
    mutating func finish(_ line: (String) -> Void) {
        give(line)
    }

    private mutating func give(_ line: (String) -> Void) {
        if pending.last == UInt8(ascii: "\r") { pending.removeLast() }
        if !pending.isEmpty { line(String(decoding: pending, as: UTF8.self)) }
        pending.removeAll(keepingCapacity: true)
    }
}
