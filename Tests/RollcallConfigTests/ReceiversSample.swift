/// A receiver that is right, to be spoilt one part at a time.
enum ReceiversSample {
    enum Part: String, CaseIterable {
        case type = "type: iterable"
        case path = "path: /webhooks/iterable"
        case warehouse = "warehouse: crm"
        case destination = "destination: marketing"
        case auth = "auth: { basic: [ \"${TOKEN}\" ] }"
    }

    static let rest = Part.allCases.map(\.rawValue).joined(separator: "\n")

    /// Values that must never be seen in a message.
    static let environment = Sample.environment.merging([
        "TOKEN": "project:hunter2hunter2", "OTHER": "hunter2-other", "BROKEN": "hunter2\n", "BLANK": " hunter2",
    ]) { $1 }

    /// The whole file: the receiver's own lines, what `server` says, and what stands behind them.
    static func text(_ receiver: String = rest, server: String = "{}", others: String = "") -> String {
        """
        warehouses:
          crm: { type: postgres, url: "${CRM_DATABASE_URL}" }
          shop: { type: sqlite, path: shop.sqlite }
        destinations:
          marketing: { type: iterable, api_key: "${ITERABLE_API_KEY}", project_type: hybrid }
          sandbox: { type: iterable, api_key: key, project_type: hybrid, base_url: "http://127.0.0.1:8421" }
        server: \(server)
        receivers:
          engagement:
        \(receiver.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))
        \(others)
        """
    }

    /// The receiver with one part replaced.
    static func replacing(_ part: Part, with new: String) -> String {
        rest.replacing(part.rawValue, with: new)
    }
}
