import RollcallConfig
import RollcallCore
import Testing

/// The fields that syncs of lists send with each member.
@Suite struct MemberFieldsTests {
    private static func text(_ lines: String) -> String {
        Sample.replacing("    schedule:", with: lines + "\n    schedule:")
    }

    private static func settings(_ lines: String) throws -> MemberFieldSettings? {
        try Sample.load(text(lines)).sync(named: "vip").memberFields
    }

    @Test func aListHasNoFieldsUnlessItSaysSo() throws {
        #expect(try Sample.load(Sample.text).sync(named: "vip").memberFields == nil)
    }

    @Test func fieldsAreReadAsThoseOfUsers() throws {
        let read = try #require(
            try Self.settings(
                """
                    fields:
                      plan: plan
                      ltv: { column: lifetime_value, type: double }
                      address.city: { column: city, nulls: skip }
                      source: { value: warehouse }
                    nulls: always
                """))
        #expect(read.nulls == .always)
        guard case .only(let fields) = read.fields else {
            Issue.record("\(read.fields)")
            return
        }
        #expect(fields.map(\.name).sorted() == ["address.city", "ltv", "plan", "source"])
        #expect(fields.first { $0.name == "ltv" }?.source == .column("lifetime_value", type: .double))
        #expect(fields.first { $0.name == "address.city" }?.nulls == .skip)
        #expect(fields.first { $0.name == "plan" }?.nulls == nil)
    }

    @Test func allColumnsCanBeTakenButSome() throws {
        let read = try #require(try Self.settings("    fields: all\n    except: [cost]"))
        #expect(read.fields == .all(except: ["cost"]) && read.nulls == .clear)
    }

    /// Lines that are wrong, and what is said of them.
    private static let wrong: [(String, String)] = [
        ("    fields: some", "28:13: syncs.vip.fields \"some\" is neither \"all\" nor a mapping"),
        ("    fields: {}", "28:5: syncs.vip.fields is empty"),
        ("    fields: { email: mail }", "28:15: the field \"email\" is an identifier, which the mapping sends"),
        ("    fields: { userId: id }", "28:15: the field \"userId\" is an identifier, which the mapping sends"),
        ("    fields: { devices: d }", "28:15: the field \"devices\" is one that Iterable keeps itself"),
        ("    fields: { a..b: c }", "28:15: the field \"a..b\" has an empty part in its name"),
        ("    fields: { a: b, a.c: d }", "28:21: the field \"a.c\" is a part of \"a\", which is a field itself"),
        ("    fields: { a: b }\n    except: [c]", "29:5: syncs.vip.except stands beside a mapping of fields"),
        ("    except: [c]", "28:5: syncs.vip.except stands without fields"),
        ("    nulls: skip", "28:5: syncs.vip.nulls stands without fields"),
        ("    fields: { a: b }\n    nulls: drop", "29:12: syncs.vip.nulls \"drop\" is not one of the choices"),
        (
            "    fields: { a.b: { column: b, nulls: skip }, a.c: c }",
            "28:48: syncs.vip.fields.a.c has nulls: clear, but a.b has nulls: skip"
        ),
        (
            "    fields: { a: b }\n    new_fields: create",
            "29:5: syncs.vip.new_fields is a key of users or events syncs; this one is list"
        ),
        ("    fields: { a: b }\n    nested: merge", "29:5: syncs.vip.nested is a key of users syncs; this one is list"),
        (
            "    fields: { a: b }\n    duplicates: refuse",
            "29:5: syncs.vip.duplicates is a key of users or catalog syncs; this one is list"
        ),
    ]

    @Test(arguments: wrong.indices) func whatIsWrongIsRefused(_ index: Int) {
        let (lines, words) = Self.wrong[index]
        let headlines = Sample.headlines(Self.text(lines))
        #expect(headlines.count == 1 && headlines[0].hasPrefix("rollcall.yaml:\(words)"), "\(headlines)")
    }

    @Test func whatBelongsToOtherKindsIsExplained() {
        let made = Sample.rendered(Self.text("    fields: { a: b }\n    new_fields: create"))
        #expect(made.contains("Subscribing makes no fields in Iterable"))
        let nested = Sample.rendered(Self.text("    fields: { a.b: b, a.c: { column: c, nulls: skip } }"))
        #expect(nested.contains("Give them the same nulls.") && !nested.contains("nested: merge"))
    }
}
