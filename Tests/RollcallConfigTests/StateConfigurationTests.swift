import RollcallConfig
import Testing

/// `state`: in which warehouse the state of a warehouse's syncs lives.
@Suite struct StateConfigurationTests {
    /// The sample with `replica`, which is read, and further lines below `crm`.
    private static func text(_ replica: String, crm: String = "") -> String {
        Sample.replacing(
            "    state_schema: rollcall\n",
            with: "    state_schema: rollcall\n\(crm)  replica:\n\(replica)")
    }

    private static let lines = "    type: postgres\n    url: service=replica\n"

    @Test func theSyncsOfEachHaveTheirStateSomewhere() throws {
        let configuration = try Sample.load(Self.text(Self.lines + "    state: shop\n"))
        #expect(configuration.stateWarehouse(of: "replica") == "shop")
        #expect(configuration.stateWarehouse(of: "shop") == "shop" && configuration.stateWarehouse(of: "crm") == "crm")
        #expect(configuration.warehouseOrder == ["shop", "crm", "replica"])
        #expect(configuration.stateOrder == ["shop", "crm"], "a state counts once")
        let none = try Sample.load(Sample.text)
        #expect(none.stateWarehouses.isEmpty && none.stateOrder == none.warehouseOrder)
    }

    @Test func itMayBeDefinedLaterAndComeFromTheEnvironment() throws {
        let text = Sample.replacing(
            "    path: shop.sqlite\n", with: "    path: shop.sqlite\n    state: ${WORD_OF_STATE}\n")
        let environment = Sample.environment.merging(["WORD_OF_STATE": "crm"]) { $1 }
        #expect(try Sample.load(text, environment: environment).stateWarehouse(of: "shop") == "crm")
    }

    struct Wrong: Sendable, CustomTestStringConvertible {
        var text: String
        var headlines: [String]
        /// What is said to do about it.
        var hint: String
        var testDescription: String { headlines.first ?? "" }
    }

    private static let wrong = [
        Wrong(
            text: text(lines + "    state: shpo\n"),
            headlines: [
                "12:12: there is no warehouse \"shpo\" (warehouses.replica.state); did you mean \"shop\"?"
            ], hint: "shop, crm, replica"),
        Wrong(
            text: text(lines + "    state: replica\n"),
            headlines: ["12:5: warehouses.replica.state is the warehouse itself"], hint: "Leave state out"),
        Wrong(
            text: text(lines + "    state: crm\n", crm: "    state: shop\n").replacing(
                "    state_schema: rollcall\n", with: ""),
            headlines: ["12:5: warehouses.replica.state is crm, which is only read itself"],
            hint: "take the key state out of warehouses.crm"),
        Wrong(
            text: text(lines + "    state: shop\n    state_schema: other\n"),
            headlines: ["13:5: warehouses.replica.state_schema has no meaning: the state of its syncs lives in shop"],
            hint: "Take it out"),
    ]

    @Test(arguments: wrong) func whatIsWrongIsRefusedWithItsPlace(_ wrong: Wrong) {
        #expect(Sample.headlines(wrong.text) == wrong.headlines.map { "rollcall.yaml:\($0)" })
        let words = Sample.rendered(wrong.text).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(words.contains(wrong.hint), "\(words)")
    }

    @Test func receiversWriteIntoWarehousesThatHoldState() throws {
        let reading = ReceiversSample.text().replacing(
            "  crm: { type: postgres,", with: "  crm: { state: shop, type: postgres,")
        let headlines = Sample.headlines(reading, environment: ReceiversSample.environment)
        #expect(headlines.count == 1, "\(headlines)")
        #expect(
            headlines.first?.contains(
                "receivers.engagement.warehouse is crm, which is only read: the state of its syncs lives in shop")
                == true,
            "\(headlines)")
        #expect(
            Sample.rendered(reading, environment: ReceiversSample.environment).contains("set warehouse: shop"))
        let writing = ReceiversSample.text().replacing(
            "  shop: { type: sqlite,", with: "  shop: { state: crm, type: sqlite,")
        #expect(Sample.headlines(writing, environment: ReceiversSample.environment).isEmpty)
    }
}
