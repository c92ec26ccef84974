import Foundation

/// Reads and checks a body in one pass, without recursion. Texts that need no change are not copied.
struct BodyParser {
    private var scanner: JSONScanner<BodyProblem>
    private var bytes: UnsafeRawBufferPointer { scanner.bytes }
    private var place: Int {
        get { scanner.place }
        set { scanner.place = newValue }
    }
    private(set) var nodes: [BodyNode] = []
    private(set) var sortedNames: [UInt32] = []
    private(set) var unescaped: [UInt8] = []
    /// The containers around the present place.
    private var open: [Int] = []

    init(_ bytes: UnsafeRawBufferPointer) {
        scanner = JSONScanner(bytes)
        nodes.reserveCapacity(min(bytes.count / 12 + 8, 4096))
    }

    mutating func document() throws(BodyProblem) {
        repeat {
            try valueOrOpening()
            try closings()
        } while !open.isEmpty
        scanner.skipBlanks()
        guard scanner.isAtEnd else { throw .notJSON }
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
            let isObject = nodes[innermost].kind == .object
            if byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                open.removeLast()
                nodes[innermost].end = UInt32(place)
                nodes[innermost].next = UInt32(nodes.count)
                if isObject { try sortNames(of: innermost) }
                continue
            }
            guard byte == UInt8(ascii: ",") else { throw .notJSON }
            if isObject {
                scanner.skipBlanks()
                try name()
            }
            return
        }
    }

    private mutating func push(_ kind: BodyNode.Kind, _ start: Int) throws(BodyProblem) {
        open.append(nodes.count)
        nodes.append(BodyNode(kind: kind, start: UInt32(start)))
        guard open.count <= ReceivedBody.deepest else { throw .tooDeep }
    }

    private mutating func name() throws(BodyProblem) {
        guard try scanner.next() == UInt8(ascii: "\"") else { throw .notJSON }
        try text(.name)
        scanner.skipBlanks()
        guard try scanner.next() == UInt8(ascii: ":") else { throw .notJSON }
    }

    // MARK: Names of an object

    private mutating func sortNames(of object: Int) throws(BodyProblem) {
        let first = sortedNames.count
        var index = object + 1
        while index < nodes.count {
            sortedNames.append(UInt32(index))
            index = Int(nodes[index + 1].next)
        }
        nodes[object].names = UInt32(first)
        nodes[object].count = UInt32(sortedNames.count - first)
        if sortedNames.count - first > 24 {
            let sorted = sortedNames[first...].sorted { compare($0, $1) < 0 }
            sortedNames.replaceSubrange(first..., with: sorted)
        } else {
            insertionSort(from: first)
        }
        for place in sortedNames.indices.dropFirst(first + 1)
        where compare(sortedNames[place - 1], sortedNames[place]) == 0 {
            throw .repeatedMember
        }
    }

    private mutating func insertionSort(from first: Int) {
        for end in sortedNames.indices.dropFirst(first + 1) {
            let name = sortedNames[end]
            var place = end
            while place > first, compare(sortedNames[place - 1], name) > 0 {
                sortedNames[place] = sortedNames[place - 1]
                place -= 1
            }
            sortedNames[place] = name
        }
    }

    /// Bytes of UTF-8 are in the order of code points.
    private func compare(_ left: UInt32, _ right: UInt32) -> Int {
        let (left, right) = (nodes[Int(left)], nodes[Int(right)])
        let lengths = (Int(left.contentEnd - left.contentStart), Int(right.contentEnd - right.contentStart))
        let order = unescaped.withUnsafeBytes { unescaped -> Int32 in
            // Empty buffers may have no address.
            guard lengths.0 > 0, lengths.1 > 0, let first = (left.isUnescaped ? unescaped : bytes).baseAddress,
                let second = (right.isUnescaped ? unescaped : bytes).baseAddress
            else { return 0 }
            return memcmp(first + Int(left.contentStart), second + Int(right.contentStart), min(lengths.0, lengths.1))
        }
        return order == 0 ? lengths.0 - lengths.1 : Int(order)
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
        } else {
            place -= 1
            node.isUnescaped = true
            node.contentStart = UInt32(unescaped.count)
            unescaped.append(contentsOf: bytes[start..<place])
            node.hasNUL = try unescape()
            node.contentEnd = UInt32(unescaped.count)
        }
        node.end = UInt32(place)
        node.next = UInt32(nodes.count + 1)
        nodes.append(node)
    }

    /// Passes over text up to a quote or a backslash.
    private mutating func skipPlain() throws(BodyProblem) {
        while true {
            skipPlainWords()
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

    /// Eight bytes at a time, as long as all of them are ASCII that stands for itself.
    private mutating func skipPlainWords() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while place + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            let controls = (word &- ones &* 0x20) & ~word
            let special =
                controls | (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes | word
            if special & highs != 0 { return }
            place += 8
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
        append(.number, start)
    }

    private mutating func word(_ rest: StaticString, _ start: Int) throws(BodyProblem) {
        try scanner.word(rest)
        append(.word, start)
    }

    private mutating func append(_ kind: BodyNode.Kind, _ start: Int) {
        var node = BodyNode(kind: kind, start: UInt32(start))
        node.end = UInt32(place)
        node.next = UInt32(nodes.count + 1)
        nodes.append(node)
    }
}
