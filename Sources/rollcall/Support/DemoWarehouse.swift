import Foundation
import GRDB
import RollcallCore

/// The sample warehouse of the demo: a small shop with customers, orders and an audience.
enum DemoWarehouse {
    /// Creates the file, replacing an earlier one.
    static func create(at path: String) throws {
        try write(at: path) { db in
            try db.execute(
                sql: """
                    CREATE TABLE customers (
                        customer_id TEXT PRIMARY KEY,
                        email TEXT,
                        lifetime_value INTEGER NOT NULL
                    );
                    CREATE VIEW vip_customers AS
                        SELECT email, customer_id FROM customers WHERE lifetime_value > 1000;
                    CREATE TABLE orders (
                        order_id INTEGER PRIMARY KEY,
                        customer_id TEXT NOT NULL,
                        total REAL NOT NULL,
                        placed_at TIMESTAMP NOT NULL
                    );
                    """)
            let insert = try db.makeStatement(
                sql: "INSERT INTO customers (customer_id, email, lifetime_value) VALUES (?, ?, ?)")
            for number in 1...2000 {
                try insert.execute(arguments: [
                    "c-\(1000 + number)", "customer\(number)@example.com", number % 2 == 0 ? 1500 : 300,
                ])
            }
            for (id, email) in oddRows { try insert.execute(arguments: [id, email, 5000]) }
            let order = try db.makeStatement(
                sql: """
                    INSERT INTO orders (order_id, customer_id, total, placed_at)
                    VALUES (?, ?, ?, datetime('now', ? || ' minutes'))
                    """)
            for number in 1...200 {
                try order.execute(arguments: [
                    number, "c-\(1000 + number)", 9.99 + Double(number), -5 * (201 - number),
                ])
            }
        }
    }

    /// Rows as real shops have them: a typing error, no address, capitals and blanks, an address used twice.
    private static let oddRows: [(String, String?)] = [
        ("c-9001", "no-at-sign.example.com"), ("c-9002", nil), ("c-9003", "  Ada.Lovelace@Example.COM "),
        (" c-9004", "left-blank@shop.test"), ("c-9005", "forgotten@example.com"), ("c-9006", "CUSTOMER2@example.com"),
    ]

    /// What happens in the shop between the two runs, as SQL to show.
    static let change = """
        UPDATE customers SET lifetime_value = 100
         WHERE customer_id IN ('c-1012', 'c-1014', 'c-1016');   -- leave
        UPDATE customers SET lifetime_value = 2400
         WHERE customer_id IN ('c-1001', 'c-1003');             -- enter
        UPDATE customers SET email = 'new-address@example.com'
         WHERE customer_id = 'c-1010';                          -- moves
        """

    static func applyChange(at path: String) throws { try write(at: path) { try $0.execute(sql: change) } }

    /// Orders that come in later, as SQL to show.
    static let newOrders = """
        INSERT INTO orders (order_id, customer_id, total, placed_at)
        VALUES (201, 'c-1001', 24.50, datetime('now')),
               (202, 'c-1002', 99.00, datetime('now'));
        """

    static func placeOrders(at path: String) throws { try write(at: path) { try $0.execute(sql: newOrders) } }

    private static func write(at path: String, _ body: (Database) throws -> Void) throws {
        do {
            let queue = try DatabaseQueue(path: path)
            try queue.write(body)
            try queue.close()
        } catch let error as DatabaseError {
            throw RunError(code: "demo", message: "cannot write \(path): \(error.message ?? "\(error.resultCode)")")
        }
    }
}
