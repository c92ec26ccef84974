/// A number of JSON as sign, digits and power of ten, however great: nothing is ever written out.
struct ExactDecimal {
    private let isNegative: Bool
    /// Without zeros at either end; empty for 0.
    private let digits: ArraySlice<UInt8>
    /// The power of ten of the last digit, where the exponent as written has at most 17 digits.
    private let exponent: Int?
    /// The exponent as written, sign included, where it has more digits, and what is to be added to it.
    private var farExponent: (text: ArraySlice<UInt8>, shift: Int) = ([], 0)

    /// - Parameter text: a number as JSON has it.
    init(_ text: ArraySlice<UInt8>) {
        let mark = text.firstIndex { $0 | 0x20 == UInt8(ascii: "e") } ?? text.endIndex
        var significand = text[..<mark]
        let isNegative = significand.first == UInt8(ascii: "-")
        if isNegative { significand = significand.dropFirst() }
        var shift = 0
        if let point = significand.firstIndex(of: UInt8(ascii: ".")) {
            shift = point + 1 - significand.endIndex
            significand.remove(at: point)
        }
        let trimmed = significand.drop { $0 == 48 }
        let end = trimmed.lastIndex { $0 != 48 }.map { $0 + 1 } ?? trimmed.startIndex
        shift += trimmed.endIndex - end
        digits = trimmed[..<end]
        // There is one zero only.
        self.isNegative = isNegative && !digits.isEmpty
        guard !digits.isEmpty, mark < text.endIndex else {
            exponent = digits.isEmpty ? 0 : shift
            return
        }
        var written = text[(mark + 1)...]
        let isBelow = written.first == UInt8(ascii: "-")
        if let sign = written.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { written.removeFirst() }
        written = written.drop { $0 == 48 }
        if written.count <= 17 {
            let value = written.reduce(0) { $0 * 10 + Int($1 - 48) }
            exponent = (isBelow ? -value : value) + shift
        } else {
            exponent = nil
            farExponent = ([isBelow ? UInt8(ascii: "-") : UInt8(ascii: "+")] + written, shift)
        }
    }

    /// Appends the same bytes for equal numbers, and other bytes for other numbers. (Of exponents with more than 17 digits, equal
    /// numbers that are written in different ways are taken for different ones.)
    func append(to bytes: inout [UInt8]) {
        if digits.isEmpty { return bytes.append(48) }
        if isNegative { bytes.append(UInt8(ascii: "-")) }
        bytes.append(contentsOf: digits)
        if let exponent {
            if exponent != 0 { bytes.append(contentsOf: "e\(exponent)".utf8) }
        } else {
            bytes.append(UInt8(ascii: "E"))
            bytes.append(contentsOf: farExponent.text)
            bytes.append(contentsOf: ",\(farExponent.shift)".utf8)
        }
    }

    /// The number, where it is a whole one of 64 bits.
    var integer: Int64? {
        guard let exponent, (0..<19).contains(exponent), digits.count + exponent <= 19 else { return nil }
        var value: Int64 = 0
        for digit in digits + [UInt8](repeating: 48, count: exponent) {
            let (product, isBeyond) = value.multipliedReportingOverflow(by: 10)
            // Below zero there is one number more than above.
            let (sum, isFurther) = product.subtractingReportingOverflow(Int64(digit - 48))
            if isBeyond || isFurther { return nil }
            value = sum
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }
}
