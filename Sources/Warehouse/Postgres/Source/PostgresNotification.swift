/// SQL that lets PostgreSQL 11 or later notify a channel of rows that come into a table.
package enum PostgresNotification {
    /// What makes a function and a trigger for each statement that inserts, one line each. The table must be no view.
    /// - Parameters:
    ///   - channel: of NOTIFY, 1 to 63 bytes.
    ///   - table: the parts of its name, outermost first, unquoted.
    ///   - updates: whether statements that change rows notify too.
    package static func statements(channel: String, table: [String], updates: Bool) -> [String] {
        let trigger = PostgresText.identifier(name(of: channel))
        let function = (table.dropLast().map(PostgresText.identifier) + [trigger]).joined(separator: ".")
        let place = table.map(PostgresText.identifier).joined(separator: ".")
        let body = "BEGIN PERFORM pg_catalog.pg_notify(\(literal(channel)), ''); RETURN NULL; END"
        return [
            "CREATE FUNCTION \(function)() RETURNS trigger LANGUAGE plpgsql AS \(quoted(body));",
            "CREATE TRIGGER \(trigger) AFTER INSERT\(updates ? " OR UPDATE" : "") ON \(place) FOR EACH STATEMENT"
                + " EXECUTE FUNCTION \(function)();",
        ]
    }

    /// Of function and trigger; as long as the server lets names be.
    private static func name(of channel: String) -> String {
        var name = "notify_"
        for scalar in channel.unicodeScalars {
            if name.utf8.count + String(scalar).utf8.count > mostBytes { break }
            name.unicodeScalars.append(scalar)
        }
        return name
    }

    private static let mostBytes = 63

    /// Text that stands between dollars where nothing in it could end it.
    private static func quoted(_ body: String) -> String {
        let ends = body.unicodeScalars.contains("$")
        return ends ? literal(body) : "$$\(body)$$"
    }

    /// A constant that means the same whatever `standard_conforming_strings` says. By Unicode scalars, as
    /// ``PostgresText/identifier(_:)``.
    private static func literal(_ text: String) -> String {
        let escapes = text.unicodeScalars.contains("\\")
        var quoted = escapes ? "E'" : "'"
        for scalar in text.unicodeScalars {
            if scalar == "'" || scalar == "\\" { quoted.unicodeScalars.append(scalar) }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "'"
    }
}
