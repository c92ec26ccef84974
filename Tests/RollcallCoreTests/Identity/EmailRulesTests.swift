import Testing

@testable import RollcallCore

@Suite struct EmailRulesTests {
    @Test(arguments: EmailTable.valid + EmailTable.invalid)
    func verdict(_ row: EmailCase) {
        #expect(Inspection.emailCode(row.raw) == row.code)
    }

    @Test func tablesAreLargeEnough() {
        #expect(EmailTable.valid.count + EmailTable.invalid.count >= 150)
        #expect(CommonsTable.accepted.count + CommonsTable.refused.count >= 122)
    }

    @Test func agreesWithCommonsButForTheListedDeviations() {
        let deviating = Set(CommonsTable.deviations.map(\.address))
        for address in CommonsTable.accepted where !deviating.contains(address) {
            #expect(Inspection.emailCode(address) == nil, "\(address.debugDescription)")
        }
        for address in CommonsTable.refused where !deviating.contains(address) {
            #expect(Inspection.emailCode(address) != nil, "\(address.debugDescription)")
        }
    }

    @Test(arguments: CommonsTable.deviations.indices)
    func everyListedDeviationIsOne(_ index: Int) {
        let deviation = CommonsTable.deviations[index]
        let isValid = Inspection.emailCode(deviation.address) == nil
        #expect(isValid != deviation.isValidForCommons, "\(deviation.address.debugDescription): \(deviation.why)")
    }

    @Test(
        arguments: [
            [0x61, 0xff, 0x62], [0x61, 0xfe, 0x62], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf5, 0x80, 0x80, 0x80],
            [0x80],
        ] as [[UInt8]])
    func invalidUTF8IsRefusedInEveryPart(_ bytes: [UInt8]) {
        #expect(Inspection.emailCode(bytes) == "email_invalid_utf8")
        #expect(Inspection.emailCode(bytes + Array("@example.com".utf8)) == "email_invalid_utf8")
        #expect(Inspection.emailCode(Array("a@".utf8) + bytes + Array(".com".utf8)) == "email_invalid_utf8")
    }

    @Test func differentInvalidBytesStayDifferent() {
        #expect(Inspection.normalForm([0x61, 0xff]) != Inspection.normalForm([0x61, 0xfe]))
    }

    @Test func hugeValuesAreRefusedWithoutBeingCopied() {
        let size = 10_000_000
        #expect(Inspection.emailCode([UInt8](repeating: 0x61, count: size)) == "email_too_long")
        #expect(Inspection.emailCode([UInt8](repeating: 0xc3, count: size)) == "email_too_long")
        #expect(Inspection.emailCode([UInt8](repeating: 0x40, count: size)) == "email_too_long")
        #expect(UserIDRules.failure([UInt8](repeating: 0x61, count: size))?.code == "user_id_too_long")
    }

    @Test func reasonsSayNothingOfTheValue() {
        for row in EmailTable.invalid where row.raw.utf8.count > 8 {
            let reason = EmailRules.failure(Inspection.normalForm(row.raw))?.reason ?? ""
            #expect(!reason.contains(row.raw) && reason.hasSuffix("."), "\(row.raw.debugDescription)")
        }
    }

    @Test func textAndByteInterfacesAgree() {
        #expect(EmailRules.failure("a@example.com") == nil)
        #expect(EmailRules.failure(Array("a@example".utf8)) == EmailRules.failure("a@example"))
        #expect(IdentifierNormalizer.normalizedEmail(" A@BÜCHER.ch ") == "a@xn--bcher-kva.ch")
        #expect(IdentifierNormalizer.normalizedEmail("ü@example.com") == nil)
    }
}

@Suite struct TopLevelDomainsTests {
    private static let words = TopLevelDomains.list.description.split(whereSeparator: \.isWhitespace).map(String.init)

    @Test func theListIsWhole() {
        #expect(Self.words.count > 1400)
        #expect(TopLevelDomains.count == Self.words.count)
        #expect(Self.words == Set(Self.words).sorted())
        #expect(Self.words.filter { $0.hasPrefix("xn--") }.count > 100)
        #expect(Self.words.allSatisfy { $0.utf8.allSatisfy { ASCIISet.hostName.contains($0) && $0 != ASCII.dot } })
        #expect(TopLevelDomains.version.count == 10)
    }

    @Test func everyWordIsFoundAndNoNeighbourIs() {
        let known = Set(Self.words)
        for word in Self.words {
            #expect(contains(word))
            for neighbour in [word + "x", String(word.dropLast()), "q" + word] where !known.contains(neighbour) {
                #expect(!contains(neighbour), "\(neighbour)")
            }
        }
        #expect(!contains("") && !contains(" ") && !contains("aaa aarp") && !contains("COM"))
    }

    private func contains(_ label: String) -> Bool {
        Array(label.utf8).withUnsafeBytes { TopLevelDomains.contains($0) }
    }
}

@Suite struct ASCIISetTests {
    @Test func setsAreWhatTheirNamesSay() {
        let lowerAlphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789"
        let unquoted = lowerAlphanumeric + lowerAlphanumeric.uppercased() + "!#$%&'*+-/=?^_`{|}~"
        for byte in UInt8.min...UInt8.max {
            let character = Character(Unicode.Scalar(byte))
            let isASCII = byte < 128
            #expect(ASCIISet.lowerAlphanumeric.contains(byte) == (isASCII && lowerAlphanumeric.contains(character)))
            #expect(ASCIISet.hostName.contains(byte) == (isASCII && (lowerAlphanumeric + "-.").contains(character)))
            #expect(ASCIISet.unquoted.contains(byte) == (isASCII && unquoted.contains(character)))
            #expect(ASCII.isPrintable(byte) == (0x20...0x7e).contains(byte))
        }
    }
}
