import RollcallConfig
import Testing

/// One change that spoils the sample, and the first line of what is said about it.
struct BadConfiguration: Sendable, CustomTestStringConvertible {
    var old: String
    var new: String
    var headlines: [String]

    init(_ old: String, _ new: String, _ headlines: String...) {
        self.old = old
        self.new = new
        self.headlines = headlines.map { "rollcall.yaml:\($0)" }
    }

    var testDescription: String { new }
}

@Suite struct BadConfigurationTests {
    @Test func theSampleItselfIsRight() throws {
        #expect(Sample.headlines(Sample.text).isEmpty)
    }

    @Test(arguments: BadWarehouses.all + BadDestinations.all)
    func warehousesAndDestinations(_ bad: BadConfiguration) { check(bad) }

    @Test(arguments: BadSyncs.all)
    func syncs(_ bad: BadConfiguration) { check(bad) }

    @Test(arguments: BadDocuments.all)
    func documents(_ bad: BadConfiguration) { check(bad) }

    private func check(_ bad: BadConfiguration) {
        let text = Sample.replacing(bad.old, with: bad.new)
        #expect(Sample.headlines(text) == bad.headlines)
        let shown = Sample.rendered(text)
        for secret in ["hunter2", "0123456789abcdef", "s3cr3t", "lit3ral"] { #expect(!shown.contains(secret)) }
        let tooWide = shown.split(separator: "\n").filter { $0.count > 80 && !$0.hasPrefix("rollcall.yaml:") }
        #expect(tooWide.isEmpty)
    }
}

enum BadWarehouses {
    static let all = [
        BadConfiguration(
            "type: sqlite", "type: sqlit",
            "3:11: warehouses.shop.type \"sqlit\" is not one of the choices; did you mean \"sqlite\"?"),
        BadConfiguration(
            "type: postgres", "type: PostgreSQL",
            "6:11: warehouses.crm.type \"PostgreSQL\" is not one of the choices; did you mean \"postgres\"?"),
        BadConfiguration(
            "    type: sqlite\n", "", "2:3: the key \"type\" is missing in warehouses.shop"),
        BadConfiguration(
            "    path: shop.sqlite\n", "", "2:3: the key \"path\" is missing in warehouses.shop"),
        BadConfiguration(
            "path: shop.sqlite", "path: \":memory:\"", "4:11: warehouses.shop.path \":memory:\" is no path of a file"),
        BadConfiguration(
            "path: shop.sqlite", "path: ~/shop.sqlite",
            "4:11: warehouses.shop.path \"~/shop.sqlite\" begins with \"~\", which is not expanded"),
        BadConfiguration("path: shop.sqlite", "path: \"  \"", "4:11: warehouses.shop.path is empty"),
        BadConfiguration(
            "path: shop.sqlite", "path: ${EMPTY}",
            "4:11: warehouses.shop.path is empty (its environment variable is)"),
        BadConfiguration(
            "path: shop.sqlite", "path: a\n    url: b",
            "5:5: warehouses.shop.url is a key of postgres warehouses; this one is sqlite"),
        BadConfiguration(
            "url: ${CRM_DATABASE_URL}", "url: postgres://me:lit3ral@db/crm",
            "7:5: warehouses.crm.url has a password written into the file"),
        BadConfiguration(
            "url: ${CRM_DATABASE_URL}", "url: host=db user=me password='lit3ral' dbname=crm",
            "7:5: warehouses.crm.url has a password written into the file"),
        BadConfiguration(
            "url: ${CRM_DATABASE_URL}", "url: ${CRM_DATABASE_URL:-postgres://me:lit3ral@db/crm}",
            "7:5: warehouses.crm.url has a password written into the file"),
        BadConfiguration(
            "url: ${CRM_DATABASE_URL}", "url: mysql://me:lit3ral@db/crm",
            "7:10: warehouses.crm.url is no libpq connection string"),
        BadConfiguration(
            "url: ${CRM_DATABASE_URL}", "url: ${CRM_DATABASE_ULR}",
            "7:10: the environment variable CRM_DATABASE_ULR is not set (warehouses.crm.url)"),
        BadConfiguration(
            "state_schema: rollcall", "state_schema: pg_rollcall",
            "8:19: warehouses.crm.state_schema \"pg_rollcall\" is reserved by Postgres"),
        BadConfiguration(
            "state_schema: rollcall", "state_schema: \(String(repeating: "s", count: 64))",
            "8:19: warehouses.crm.state_schema \"\(String(repeating: "s", count: 60))…\" is longer than 63 bytes"),
        BadConfiguration(
            "state_schema: rollcall", "state_schema: \"a\\0b\"",
            "8:19: warehouses.crm.state_schema contains a NUL character"),
        BadConfiguration(
            "  shop:\n", "  my shop:\n",
            "2:3: \"my shop\" cannot be the name of a warehouse",
            "19:16: there is no warehouse \"shop\" (syncs.vip.warehouse)"),
    ]
}

enum BadDestinations {
    private static let key = "api_key: ${ITERABLE_API_KEY}"
    private static let center = "data_center: us"

    static let all = [
        BadConfiguration(key, "api_key: lit3ral", "12:5: destinations.marketing.api_key is written into the file"),
        BadConfiguration(
            key, "api_key: ${KEY:-lit3ral}", "12:5: destinations.marketing.api_key is written into the file"),
        BadConfiguration(
            key, "api_kye: lit3ral",
            "12:5: unknown key \"api_kye\" in destinations.marketing; did you mean \"api_key\"?"),
        BadConfiguration(
            key, "api_key: [lit3ral]", "12:14: destinations.marketing.api_key is a list, not a single value"),
        BadConfiguration(
            key, "api_key: ${EMPTY}",
            "12:14: destinations.marketing.api_key is empty (its environment variable is)"),
        BadConfiguration(
            center, "data_center: EU",
            "13:18: destinations.marketing.data_center \"EU\" is not one of the choices; did you mean \"eu\"?"),
        BadConfiguration(
            "project_type: hybrid", "project_type: userid",
            "14:19: destinations.marketing.project_type \"userid\" is not one of the choices; did you mean \"user_id\"?"
        ),
        BadConfiguration(
            center, "base_url: http://api.example.com",
            "13:15: destinations.marketing.base_url \"http://api.example.com\" sends the API key in clear text"),
        BadConfiguration(
            center, "base_url: http://127.0.0.1.example.com",
            "13:15: destinations.marketing.base_url \"http://127.0.0.1.example.com\" sends the API key in clear text"),
        BadConfiguration(
            center, "base_url: https://me:lit3ral@api.example.com",
            "13:15: destinations.marketing.base_url \"https://***@api.example.com\" carries a user or a password"),
        BadConfiguration(
            center, "base_url: https://api.example.com?x=1",
            "13:15: destinations.marketing.base_url \"https://api.example.com?x=1\" has a query"),
        BadConfiguration(
            center, "base_url: https://api.example.com/#x",
            "13:15: destinations.marketing.base_url \"https://api.example.com/#x\" has a fragment"),
        BadConfiguration(
            center, "base_url: https://api.iterable.com/api/",
            "13:15: destinations.marketing.base_url \"https://api.iterable.com/api/\" ends in /api"),
        BadConfiguration(
            center, "base_url: api.iterable.com",
            "13:15: destinations.marketing.base_url \"api.iterable.com\" is no http or https address"),
        BadConfiguration(
            "requests_per_second: 5", "requests_per_second: 0",
            "16:28: destinations.marketing.limits.requests_per_second \"0\" is out of range"),
        BadConfiguration(
            "requests_per_second: 5", "requests_per_second: fast",
            "16:28: destinations.marketing.limits.requests_per_second \"fast\" is not a number"),
        BadConfiguration(
            "requests_per_second: 5", "requests_per_second: ${WORD}",
            "16:28: destinations.marketing.limits.requests_per_second \"${WORD}\" is not a number (its value is taken "
                + "from the environment)"),
        BadConfiguration(
            "requests_per_second: 5", "request_timeout_seconds: 41",
            "16:32: destinations.marketing.limits.request_timeout_seconds \"41\" is out of range"),
        BadConfiguration(
            "requests_per_second: 5", "subscribers_per_request: 1_000",
            "16:32: destinations.marketing.limits.subscribers_per_request \"1_000\" is not a whole number; did you mean "
                + "1000?"),
        BadConfiguration(
            "requests_per_second: 5", "concurrent_requests: 99999999999999999999",
            "16:28: destinations.marketing.limits.concurrent_requests \"99999999999999999999\" is out of range"),
        BadConfiguration(
            "requests_per_second: 5", "settle_seconds: 60s",
            "16:23: destinations.marketing.limits.settle_seconds \"60s\" is not a number; did you mean 60?"),
        BadConfiguration(
            "      requests_per_second: 5", "    requests_per_second: 5",
            "16:5: unknown key \"requests_per_second\" in destinations.marketing"),
    ]
}
