import RollcallConfig
import RollcallCore
import Testing

@Suite struct SharedLimitsTests {
    private static func text(_ name: String) -> String {
        Sample.replacing("requests_per_second: 5\n", with: "requests_per_second: 5\n      shared_in: \(name)\n")
    }

    @Test func aWarehouseIsNamed() throws {
        #expect(try Sample.load(Self.text("crm")).destinations["marketing"]?.limits.sharedIn == "crm")
        #expect(try Sample.load(Sample.text).destinations["marketing"]?.limits.sharedIn == nil)
    }

    @Test func anUnknownWarehouseIsRefused() {
        let errors = #expect(throws: ConfigurationErrors.self) { try Sample.load(Self.text("cmr")) }
        let shown = errors.map { "\($0)" } ?? ""
        #expect(shown.contains("there is no warehouse \"cmr\" (destinations.marketing.limits.shared_in)"), "\(shown)")
        #expect(shown.contains("one of shop, crm") && shown.contains("did you mean \"crm\"?"), "\(shown)")
    }

    @Test func aWarehouseThatIsOnlyReadIsRefused() {
        let text = Self.text("crm").replacing("    state_schema: rollcall\n", with: "    state: shop\n")
        let errors = #expect(throws: ConfigurationErrors.self) { try Sample.load(text) }
        let shown = errors.map { "\($0)" } ?? ""
        #expect(shown.contains("destinations.marketing.limits.shared_in is crm, which is only read"), "\(shown)")
        #expect(shown.contains("set shared_in: shop"), "\(shown)")
    }
}
