import Foundation

/// Conversion of domains outside ASCII to A-labels, by Foundation's UTS #46 processing: mapping and case folding, NFC,
/// non-transitional (so `straße.de` and `strasse.de` stay different domains, as IDNA 2008 has it).
enum DomainConversion {
    /// The domain in A-labels.
    ///
    /// - Parameter domain: what follows the @, ASCII letters in lower case.
    /// - Returns: lower-case ASCII consisting of letters, digits, hyphens and dots; nil if the domain is ASCII already,
    ///   is no UTF-8, has a character that may not stand in a domain, or is refused by UTS #46.
    static func aLabels(_ domain: UnsafeRawBufferPointer) -> [UInt8]? {
        guard domain.contains(where: { $0 >= 0x80 }) else { return nil }
        guard let text = String(validating: domain, as: UTF8.self) else { return nil }
        guard text.unicodeScalars.allSatisfy(mayStandInDomain) else { return nil }
        var components = URLComponents()
        components.host = text
        guard let host = components.encodedHost else { return nil }
        let converted = host.utf8.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
        // Foundation percent-encodes what it cannot convert, and a percent sign is in no host name.
        return converted.allSatisfy(ASCIISet.hostName.contains) ? converted : nil
    }

    /// ASCII is held to host names before the conversion, so that nothing is read as a port, a path or an escape.
    /// Invisible characters are refused because UTS #46 would drop them, and so make another domain of this one.
    private static func mayStandInDomain(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII ? ASCIISet.hostName.contains(UInt8(scalar.value)) : !scalar.isInvisible
    }
}

extension Unicode.Scalar {
    /// Whether the character is not seen by itself: zero-width characters, joiners, direction marks, soft
    /// hyphens, variation selectors (general category Cf, or Default_Ignorable_Code_Point).
    var isInvisible: Bool {
        properties.isDefaultIgnorableCodePoint || properties.generalCategory == .format
    }
}
