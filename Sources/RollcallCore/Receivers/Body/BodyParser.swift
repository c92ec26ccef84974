/// Reads and checks a body in one pass, without recursion. Texts that need no change are not copied. What is made of the body is
/// the keeper's; what is refused, and for which reason, does not depend on the keeper.
struct BodyParser<Keeper: BodyKeeper> {
    private struct Container {
        var isObject: Bool
        /// Where the names of an object begin.
        var firstName: Int
    }

    private var scanner: JSONScanner<BodyProblem>
    private var bytes: UnsafeRawBufferPointer { scanner.bytes }
    private var place: Int {
        get { scanner.place }
        set { scanner.place = newValue }
    }
    private var keeper: Keeper
    private var unescaped: [UInt8] = []
    /// The containers around the present place, and the names of those that are objects.
    private var open: [Container] = []
    private var names = BodyNames()

    private init(_ bytes: UnsafeRawBufferPointer, _ keeper: Keeper) {
        scanner = JSONScanner(bytes)
        self.keeper = keeper
        open.reserveCapacity(8)
    }

    /// Reads a body, which must be an object.
    /// - Parameter bytes: at most 2 GB.
    /// - Returns: the keeper, and the contents of names and strings that were written with escapes.
    static func read(
        _ bytes: [UInt8], _ keeper: Keeper
    ) throws(BodyProblem) -> (keeper: Keeper, unescaped: [UInt8]) {
        guard bytes.count <= Int(Int32.max) else { throw .notJSON }
        let read = bytes.withUnsafeBytes { pointer in
            Result { () throws(BodyProblem) in
                var parser = BodyParser(pointer, keeper)
                try parser.document()
                return (parser.keeper, parser.unescaped)
            }
        }
        return try read.get()
    }

    private mutating func document() throws(BodyProblem) {
        scanner.skipBlanks()
        let isObject = scanner.peek() == UInt8(ascii: "{")
        repeat {
            try valueOrOpening()
            try closings()
        } while !open.isEmpty
        scanner.skipBlanks()
        guard scanner.isAtEnd else { throw .notJSON }
        guard isObject else { throw .notAnObject }
    }

    /// A whole value, or everything up to the first value within it.
    private mutating func valueOrOpening() throws(BodyProblem) {
        while true {
            scanner.skipBlanks()
            let start = place
            let byte = try scanner.next()
            switch byte {
            case UInt8(ascii: "{"):
                try push(.object, start)
                scanner.skipBlanks()
                if scanner.peek() == UInt8(ascii: "}") { return }
                try name()
            case UInt8(ascii: "["):
                try push(.array, start)
                scanner.skipBlanks()
                if scanner.peek() == UInt8(ascii: "]") { return }
            case UInt8(ascii: "\""): return try text(.string)
            case UInt8(ascii: "t"): return try word("rue", start)
            case UInt8(ascii: "f"): return try word("alse", start)
            case UInt8(ascii: "n"): return try word("ull", start)
            default: return try number(start)
            }
        }
    }

    /// Closes what ends here, and goes to the next value of what does not.
    private mutating func closings() throws(BodyProblem) {
        while let innermost = open.last {
            scanner.skipBlanks()
            let byte = try scanner.next()
            if byte == (innermost.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                try close(innermost)
                continue
            }
            guard byte == UInt8(ascii: ",") else { throw .notJSON }
            if innermost.isObject {
                scanner.skipBlanks()
                try name()
            }
            return
        }
    }

    private mutating func push(_ kind: BodyNode.Kind, _ start: Int) throws(BodyProblem) {
        open.append(Container(isObject: kind == .object, firstName: names.count))
        guard open.count <= ReceivedBody.deepest else { throw .tooDeep }
        keeper.open(kind, at: start)
    }

    private mutating func close(_ innermost: Container) throws(BodyProblem) {
        if innermost.isObject { try names.sort(from: innermost.firstName, bytes, unescaped) }
        keeper.close(at: place, names, from: innermost.firstName)
        names.forget(from: innermost.firstName)
        open.removeLast()
    }

    private mutating func name() throws(BodyProblem) {
        guard try scanner.next() == UInt8(ascii: "\"") else { throw .notJSON }
        try text(.name)
        scanner.skipBlanks()
        guard try scanner.next() == UInt8(ascii: ":") else { throw .notJSON }
    }

    // MARK: Texts

    /// What follows an opening quote, up to the closing one.
    private mutating func text(_ kind: BodyNode.Kind) throws(BodyProblem) {
        var node = BodyNode(kind: kind, start: UInt32(place - 1))
        let start = place
        try skipPlain()
        if try scanner.next() == UInt8(ascii: "\"") {
            node.contentStart = UInt32(start)
            node.contentEnd = UInt32(place - 1)
            node.end = UInt32(place)
            keep(node, bytes)
        } else {
            place -= 1
            node.isUnescaped = true
            node.contentStart = UInt32(unescaped.count)
            unescaped.append(contentsOf: bytes[start..<place])
            node.hasNUL = try unescape()
            node.contentEnd = UInt32(unescaped.count)
            node.end = UInt32(place)
            let texts = unescaped
            texts.withUnsafeBytes { keep(node, $0) }
        }
    }

    /// - Parameter texts: where the content is.
    private mutating func keep(_ node: BodyNode, _ texts: UnsafeRawBufferPointer) {
        let content = UnsafeRawBufferPointer(rebasing: texts[Int(node.contentStart)..<Int(node.contentEnd)])
        if node.kind == .name {
            names.append(BodyName(node, content, number: keeper.name(node, content)))
        } else {
            keeper.string(node, content)
        }
    }

    /// Passes over text up to a quote or a backslash.
    private mutating func skipPlain() throws(BodyProblem) {
        while true {
            skipPlainASCII()
            guard place < bytes.count else { throw .notJSON }
            let byte = bytes[place]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
            guard byte >= 0x20 else { throw .notJSON }
            if byte < 0x80 {
                place += 1
            } else {
                do throws(FieldProblem) { _ = try UTF8Text.scalar(bytes, &place) } catch { throw .notUTF8 }
            }
        }
    }

    /// Passes over ASCII that stands for itself, eight bytes at a time as long as there are eight.
    private mutating func skipPlainASCII() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        let bytes = bytes
        var place = place
        defer { self.place = place }
        while place + 8 <= bytes.count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            let controls = (word &- ones &* 0x20) & ~word
            // Borrows go upwards, so that the lowest bit of all is right.
            let special =
                (controls | (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes | word) & highs
            // Eight, where none is set.
            place += special.trailingZeroBitCount / 8
            if special != 0 { return }
        }
    }

    /// Takes escapes and the text between them, up to the closing quote.
    /// - Returns: whether U+0000 is in it.
    private mutating func unescape() throws(BodyProblem) -> Bool {
        var hasNUL = false
        while true {
            let start = place
            try skipPlain()
            unescaped.append(contentsOf: bytes[start..<place])
            if try scanner.next() == UInt8(ascii: "\"") { return hasNUL }
            let scalar = try scanner.escape()
            hasNUL = hasNUL || scalar.value == 0
            unescaped.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }

    // MARK: Numbers and words

    private mutating func number(_ start: Int) throws(BodyProblem) {
        scanner.place = start
        try scanner.number()
        other(.number, start)
    }

    private mutating func word(_ rest: StaticString, _ start: Int) throws(BodyProblem) {
        try scanner.word(rest)
        other(.word, start)
    }

    private mutating func other(_ kind: BodyNode.Kind, _ start: Int) {
        var node = BodyNode(kind: kind, start: UInt32(start))
        node.end = UInt32(place)
        keeper.other(node)
    }
}
