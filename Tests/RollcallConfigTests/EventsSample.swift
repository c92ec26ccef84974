/// A sync of kind events that is right, to be spoilt one part at a time.
enum EventsSample {
    enum Part: String, CaseIterable {
        case source = "source: { table: order_events }"
        case key = "key: [order_id, status]"
        case mapping = "mapping: { user_id: customer_id }"
        case event = "event: { name: { value: order_placed }, created_at: placed_at }"
        case fields = "fields: { total: total }"
    }

    static let rest = Part.allCases.map(\.rawValue).joined(separator: "\n")

    /// The whole file: the sync's own lines, and what stands behind them.
    static func text(
        _ sync: String = rest, projectType: String = "hybrid", limits: String = "{}", others: String = ""
    ) -> String {
        """
        warehouses:
          crm: { type: postgres, url: "${CRM_DATABASE_URL}" }
          shop: { type: sqlite, path: shop.sqlite }
        destinations:
          marketing: { type: iterable, api_key: "${ITERABLE_API_KEY}", project_type: \(projectType), limits: \(limits) }
          sandbox: { type: iterable, api_key: key, project_type: hybrid, base_url: "http://127.0.0.1:8421" }
        syncs:
          orders:
            kind: events
            warehouse: crm
            destination: marketing
        \(sync.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))
        \(others)
        """
    }

    /// The sync with one part replaced.
    static func replacing(_ part: Part, with new: String) -> String {
        rest.replacing(part.rawValue, with: new)
    }
}
