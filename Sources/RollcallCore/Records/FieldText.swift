/// Values as they stand in JSON, and as they are hashed.
extension FieldValue {
    /// Appends the value as JSON. Only what ``check()`` has let pass.
    func write(to bytes: inout [UInt8]) {
        if isQuoted { bytes.append(UInt8(ascii: "\"")) }
        switch content {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .boolean(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let number): number.write(to: &bytes)
        case .text(let text): JSONBytes.append(quoted: text, to: &bytes)
        case .day(let day):
            bytes.append(UInt8(ascii: "\""))
            CivilTime.append(day: day, to: &bytes)
            bytes.append(UInt8(ascii: "\""))
        case .second(let second):
            bytes.append(UInt8(ascii: "\""))
            CivilTime.append(second: second, to: &bytes)
            bytes.append(UInt8(ascii: "\""))
        case .json(let text): bytes.append(contentsOf: text)
        case .point(let latitude, let longitude):
            bytes.append(contentsOf: "{\"lat\":".utf8)
            latitude.write(to: &bytes)
            bytes.append(contentsOf: ",\"lon\":".utf8)
            longitude.write(to: &bytes)
            bytes.append(UInt8(ascii: "}"))
        }
        if isQuoted { bytes.append(UInt8(ascii: "\"")) }
    }

    /// Appends what tells the value from every other one: a byte for its form, then the value. Cheaper than its JSON.
    func writeIdentity(to bytes: inout [UInt8]) {
        switch content {
        case .null: bytes.append(0)
        case .boolean(let value): bytes.append(contentsOf: [isQuoted ? 2 : 1, value ? 1 : 0])
        case .number(let number):
            bytes.append(isQuoted ? 4 : 3)
            number.write(to: &bytes)
        case .text(let text):
            bytes.append(5)
            bytes.append(contentsOf: text)
        case .day(let day):
            bytes.append(6)
            Self.append(Int64(day), to: &bytes)
        case .second(let second):
            bytes.append(7)
            Self.append(second, to: &bytes)
        case .json(let text):
            bytes.append(8)
            bytes.append(contentsOf: text)
        case .point(let latitude, let longitude):
            bytes.append(9)
            latitude.write(to: &bytes)
            bytes.append(UInt8(ascii: " "))
            longitude.write(to: &bytes)
        }
    }

    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Whether Iterable can hold what is within texts and JSON.
    package func check() throws(FieldProblem) {
        switch content {
        case .text(let text): try UTF8Text.check(text)
        case .json(let text): try JSONCheck.check(text)
        default: return
        }
    }
}

extension FieldNumber {
    /// Appends the number as JSON: a long without, everything else with a fraction, so that Iterable gives a new field the right
    /// type whatever its first value is.
    func write(to bytes: inout [UInt8]) {
        switch self {
        case .long(let value): Self.append(value, to: &bytes)
        case .whole(let value):
            Self.append(value, to: &bytes)
            bytes.append(contentsOf: ".0".utf8)
        case .decimal(let digits): Self.append(digits, to: &bytes)
        case .real(let value): Self.append(shortest: "\(value)", to: &bytes)
        case .single(let value): Self.append(shortest: "\(value)", to: &bytes)
        }
    }

    private static func append(_ value: Int64, to bytes: inout [UInt8]) {
        var rest = value.magnitude
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        repeat {
            bytes.append(UInt8(truncatingIfNeeded: 48 + rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    private static func append(shortest text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0), to: &bytes) }
    }

    /// Digits as they are, but for zeros in front, which JSON has not, and with the fraction that they may lack.
    private static func append(_ digits: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        var place = 0
        if digits.first == UInt8(ascii: "-") {
            bytes.append(UInt8(ascii: "-"))
            place = 1
        }
        while place + 1 < digits.count, digits[place] == 48, (48...57).contains(digits[place + 1]) { place += 1 }
        let rest = digits[place...]
        let exponent = rest.firstIndex { $0 | 0x20 == UInt8(ascii: "e") } ?? rest.endIndex
        bytes.append(contentsOf: rest[..<exponent])
        if !rest[..<exponent].contains(UInt8(ascii: ".")) { bytes.append(contentsOf: ".0".utf8) }
        bytes.append(contentsOf: rest[exponent...])
    }
}
