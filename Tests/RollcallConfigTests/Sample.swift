import RollcallConfig
import Testing

/// A configuration that is right, to be spoilt one line at a time.
enum Sample {
    static let text = """
        warehouses:
          shop:
            type: sqlite
            path: shop.sqlite
          crm:
            type: postgres
            url: ${CRM_DATABASE_URL}
            state_schema: rollcall
        destinations:
          marketing:
            type: iterable
            api_key: ${ITERABLE_API_KEY}
            data_center: us
            project_type: hybrid
            limits:
              requests_per_second: 5
        syncs:
          vip:
            warehouse: shop
            destination: marketing
            audience:
              table: vip_customers
            list:
              name: VIP customers
            mapping:
              email: email
              user_id: customer_id
            schedule:
              every: 30m
              at: "06:00"
            guards:
              max_removals: 25%

        """

    /// Values that must never be seen in a message.
    static let environment = [
        "CRM_DATABASE_URL": "postgresql://rollcall:hunter2hunter2@db.example.com/crm",
        "ITERABLE_API_KEY": "0123456789abcdef0123456789abcdef",
        "EMPTY": "",
        "WORD": "s3cr3t-word",
    ]

    static func load(
        _ text: String, environment: [String: String] = environment, folder: String = "/srv/rollcall"
    ) throws(ConfigurationErrors) -> Configuration {
        try Configuration.parse(text: text, path: "rollcall.yaml", folder: folder, environment: environment)
    }

    /// The sample with one part replaced, which must be there exactly once.
    static func replacing(_ old: String, with new: String) -> String {
        #expect(text.ranges(of: old).count == 1, "\(old) is not there exactly once")
        return text.replacing(old, with: new)
    }

    /// The first lines of all problems of a text; empty when it is right.
    static func headlines(_ text: String, environment: [String: String] = environment) -> [String] {
        do {
            _ = try load(text, environment: environment)
            return []
        } catch {
            return error.problems.map { $0.description.prefix { $0 != "\n" } }.map(String.init)
        }
    }

    /// Everything that is shown for a text; empty when it is right.
    static func rendered(_ text: String, environment: [String: String] = environment) -> String {
        do {
            _ = try load(text, environment: environment)
            return ""
        } catch {
            return error.description
        }
    }
}
