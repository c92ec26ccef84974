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
    func writeIdentity(to input: inout HashInput) {
        switch content {
        case .null: input.append(byte: 0)
        case .boolean(let value):
            input.append(byte: isQuoted ? 2 : 1)
            input.append(byte: value ? 1 : 0)
        case .number(let number):
            input.append(byte: isQuoted ? 4 : 3)
            number.write(to: &input)
        case .text(let text):
            input.append(byte: 5)
            input.append(bytes: text)
        case .day(let day):
            input.append(byte: 6)
            input.append(number: UInt64(bitPattern: Int64(day)))
        case .second(let second):
            input.append(byte: 7)
            input.append(number: UInt64(bitPattern: second))
        case .json(let text):
            input.append(byte: 8)
            input.append(bytes: text)
        case .point(let latitude, let longitude):
            input.append(byte: 9)
            latitude.write(to: &input)
            input.append(byte: UInt8(ascii: " "))
            longitude.write(to: &input)
        }
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
    func write<Sink: ByteSink & ~Copyable>(to bytes: inout Sink) {
        switch self {
        case .long(let value): Self.append(value, to: &bytes)
        case .whole(let value):
            Self.append(value, to: &bytes)
            bytes.append(text: ".0")
        case .decimal(let digits): Self.append(digits, to: &bytes)
        case .real(let value): Self.append(value, to: &bytes)
        case .single(let value): Self.append(shortest: value.description, to: &bytes)
        }
    }

    private static func append<Sink: ByteSink & ~Copyable>(_ value: Int64, to bytes: inout Sink) {
        withUnsafeTemporaryAllocation(byteCount: DecimalDigits.longest, alignment: 1) { memory in
            bytes.append(bytes: DecimalDigits.write(value, toEndOf: memory))
        }
    }

    /// The shortest digits that stand for the number, as `description` has them. Most numbers of a warehouse have few digits behind the
    /// point, and are written without a search for these: of all decimals of up to fifteen digits, only one has the value of a
    /// given number (IEEE 754, `DBL_DIG`), so that no shorter one has.
    static func append<Sink: ByteSink & ~Copyable>(_ value: Double, to bytes: inout Sink) {
        let thousandths = (value * 1000).rounded()
        guard abs(thousandths) < 1e15, thousandths / 1000 == value, thousandths != 0 else {
            return append(shortest: value.description, to: &bytes)
        }
        let digits = UInt64(thousandths.magnitude)
        if value < 0 { bytes.append(byte: UInt8(ascii: "-")) }
        append(Int64(digits / 1000), to: &bytes)
        bytes.append(byte: UInt8(ascii: "."))
        var (fraction, place) = (digits % 1000, UInt64(100))
        repeat {
            bytes.append(byte: UInt8(truncatingIfNeeded: 48 + fraction / place))
            fraction %= place
            place /= 10
        } while fraction > 0
    }

    private static func append<Sink: ByteSink & ~Copyable>(shortest text: String, to bytes: inout Sink) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0), to: &bytes) }
    }

    /// Digits as they are, but for zeros in front, which JSON has not, and with the fraction that they may lack.
    private static func append<Sink: ByteSink & ~Copyable>(_ digits: UnsafeRawBufferPointer, to bytes: inout Sink) {
        var place = 0
        if digits.first == UInt8(ascii: "-") {
            bytes.append(byte: UInt8(ascii: "-"))
            place = 1
        }
        while place + 1 < digits.count, digits[place] == 48, (48...57).contains(digits[place + 1]) { place += 1 }
        let rest = digits[place...]
        let exponent = rest.firstIndex { $0 | 0x20 == UInt8(ascii: "e") } ?? rest.endIndex
        bytes.append(bytes: UnsafeRawBufferPointer(rebasing: rest[..<exponent]))
        if !rest[..<exponent].contains(UInt8(ascii: ".")) { bytes.append(text: ".0") }
        bytes.append(bytes: UnsafeRawBufferPointer(rebasing: rest[exponent...]))
    }
}
