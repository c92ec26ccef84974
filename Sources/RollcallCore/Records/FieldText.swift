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

    /// Hashes what tells the value from every other one. Cheaper than its JSON.
    /// - Parameter mark: of the field; its lowest eight bits are 0, and take the form of the value.
    func hash(into hasher: inout ContentHasher, mark: UInt64) {
        switch content {
        case .null: hasher.add(mark)
        case .boolean(let value): hasher.add(mark | ((isQuoted ? 3 : 1) + (value ? 1 : 0)))
        case .number(let number): number.hash(into: &hasher, mark: mark | (isQuoted ? 0x10 : 0))
        case .text(let text):
            hasher.add(mark | 5)
            hasher.add(text)
        case .day(let day):
            hasher.add(mark | 6)
            hasher.add(UInt64(bitPattern: Int64(day)))
        case .second(let second):
            hasher.add(mark | 7)
            hasher.add(UInt64(bitPattern: second))
        case .json(let text):
            hasher.add(mark | 8)
            hasher.add(text)
        case .point(let latitude, let longitude):
            hasher.add(mark | 9)
            latitude.hash(into: &hasher, mark: 0)
            longitude.hash(into: &hasher, mark: 0)
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
    func write(to bytes: inout [UInt8]) {
        switch self {
        case .long(let value): Self.append(value, to: &bytes)
        case .whole(let value):
            Self.append(value, to: &bytes)
            bytes.append(contentsOf: ".0".utf8)
        case .decimal(let digits): Self.append(digits, to: &bytes)
        case .real(let value): Self.append(value, to: &bytes)
        case .single(let value): Self.append(shortest: value.description, to: &bytes)
        }
    }

    /// As ``FieldValue/hash(into:mark:)``, with the forms from 0x20 on.
    fileprivate func hash(into hasher: inout ContentHasher, mark: UInt64) {
        let form: UInt64
        let bits: UInt64
        switch self {
        case .long(let value): (form, bits) = (0x20, UInt64(bitPattern: value))
        // A database may keep an integer where another row has a fraction: what is written alike has one hash.
        case .whole(let value) where Int64(exactly: Double(value)) == value:
            (form, bits) = (0x21, Double(value).bitPattern)
        case .whole(let value): (form, bits) = (0x22, UInt64(bitPattern: value))
        case .real(let value): (form, bits) = (0x21, value.bitPattern)
        case .single(let value): (form, bits) = (0x23, UInt64(value.bitPattern))
        case .decimal(let digits):
            let parts = Self.parts(digits)
            let isWhole = parts.number.suffix(2).elementsEqual(".0".utf8)
            hasher.add(mark | (parts.isNegative ? 0x25 : 0x24))
            hasher.add(UnsafeRawBufferPointer(rebasing: parts.number.dropLast(isWhole ? 2 : 0)))
            return hasher.add(UnsafeRawBufferPointer(rebasing: parts.exponent))
        }
        hasher.add(mark | form)
        hasher.add(bits)
    }

    private static func append(_ value: Int64, to bytes: inout [UInt8]) {
        withUnsafeTemporaryAllocation(byteCount: DecimalDigits.longest, alignment: 1) { memory in
            bytes.append(contentsOf: DecimalDigits.write(value, toEndOf: memory))
        }
    }

    /// The shortest digits that stand for the number, as `description` has them. Most numbers of a warehouse have few digits behind the
    /// point, and are written without a search for these: of all decimals of up to fifteen digits, only one has the value of a
    /// given number (IEEE 754, `DBL_DIG`), so that no shorter one has.
    static func append(_ value: Double, to bytes: inout [UInt8]) {
        let thousandths = (value * 1000).rounded()
        guard abs(thousandths) < 1e15, thousandths / 1000 == value, thousandths != 0 else {
            return append(shortest: value.description, to: &bytes)
        }
        let digits = UInt64(thousandths.magnitude)
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        append(Int64(digits / 1000), to: &bytes)
        bytes.append(UInt8(ascii: "."))
        var (fraction, place) = (digits % 1000, UInt64(100))
        repeat {
            bytes.append(UInt8(truncatingIfNeeded: 48 + fraction / place))
            fraction %= place
            place /= 10
        } while fraction > 0
    }

    private static func append(shortest text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0), to: &bytes) }
    }

    /// Digits as they are, but for zeros in front, which JSON has not, and with the fraction that they may lack.
    private static func append(_ digits: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        let parts = parts(digits)
        if parts.isNegative { bytes.append(UInt8(ascii: "-")) }
        bytes.append(contentsOf: parts.number)
        if !parts.number.contains(UInt8(ascii: ".")) { bytes.append(contentsOf: ".0".utf8) }
        bytes.append(contentsOf: parts.exponent)
    }

    /// Takes digits apart: the sign, the number without zeros in front, and the exponent with its `e`, which may be empty.
    private static func parts(
        _ digits: UnsafeRawBufferPointer
    ) -> (isNegative: Bool, number: Slice<UnsafeRawBufferPointer>, exponent: Slice<UnsafeRawBufferPointer>) {
        let isNegative = digits.first == UInt8(ascii: "-")
        var place = isNegative ? 1 : 0
        while place + 1 < digits.count, digits[place] == 48, (48...57).contains(digits[place + 1]) { place += 1 }
        let rest = digits[place...]
        let exponent = rest.firstIndex { $0 | 0x20 == UInt8(ascii: "e") } ?? rest.endIndex
        return (isNegative, rest[..<exponent], rest[exponent...])
    }
}
