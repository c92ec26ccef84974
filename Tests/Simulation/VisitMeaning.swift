import RollcallCore

extension Visits {
    /// What rows are to become, by the contract alone. It compares every row with every other one of its key, and knows
    /// nothing of hashes, of what was sent before, or of requests.
    struct Meaning {
        struct Event: Equatable {
            var content: EventContent
            /// Events of one person are sent in this order, equal ones by their keys.
            var order: Int64
            /// When it happened, in microseconds since 1970, as far as the row tells.
            var time: Int64?
            var position: Int64?
        }

        /// By key, the rows with that key; nil: one that cannot be sent.
        private(set) var claims: [String: [Event?]] = [:]
        /// By key, when the event of each row with that key happened, as far as the row tells, be it one that is left out or cannot be
        /// sent.
        private(set) var times: [String: [Int64?]] = [:]
        /// By key, what is sent: those of which all rows can be sent and say the same.
        private(set) var wanted: [String: Event] = [:]
        /// By key, the id that its event has.
        private(set) var ids: [String: String] = [:]
        private(set) var rows = 0
        /// Rows of which it is not known of what event they are.
        private(set) var unknown = 0
        /// Those of them whose cursor has no value.
        private(set) var withoutPosition = 0
        private(set) var excluded = 0
        /// The highest position of a row that is not further in the future than clocks differ.
        private(set) var highest: Int64?
        private(set) var hasAhead = false

        /// - Parameters:
        ///   - bound: rows before it are not looked at.
        ///   - now: the database's clock, in microseconds since 1970.
        init(_ rows: [TableRow], _ tracks: Scenario.Tracks, _ type: ProjectType, from bound: Int64?, now: Int64) {
            for row in rows {
                let position = tracks.cursorColumn.flatMap { row[$0].position }
                if let bound, let position, position < bound { continue }
                self.rows += 1
                note(position, tracks, now)
                if let key = tracks.key(of: row) { times[key, default: []].append(tracks.time(of: row, position)) }
                if tracks.cursorColumn != nil && position == nil {
                    unknown += 1
                    withoutPosition += 1
                } else {
                    add(row, position, tracks, type)
                }
            }
            for (key, events) in claims {
                guard let first = events.compactMap(\.self).first else { continue }
                if events.allSatisfy({ $0?.content == first.content }) { wanted[key] = first }
            }
        }

        private mutating func note(_ position: Int64?, _ tracks: Scenario.Tracks, _ now: Int64) {
            guard let position else { return }
            if tracks.cursor == .time && position > now + 300_000_000 {
                hasAhead = true
            } else {
                highest = max(highest ?? position, position)
            }
        }

        private mutating func add(
            _ row: TableRow, _ position: Int64?, _ tracks: Scenario.Tracks, _ type: ProjectType
        ) {
            if tracks.hasNames {
                guard let name = row["name"].text else {
                    unknown += 1
                    return
                }
                if let names = tracks.names, !names.contains(name) {
                    excluded += 1
                    return
                }
            }
            guard let key = tracks.key(of: row) else {
                unknown += 1
                return
            }
            ids[key] = tracks.id(of: row)
            claims[key, default: []].append(tracks.event(row, position, type))
        }

        /// How many rows are invalid, and how many repeat others; nil: that depends on what was sent before.
        /// - Parameters:
        ///   - isLookedInto: whether it matters what the rows of a key say.
        ///   - isNew: whether a key was never met before.
        func counts(
            isLookedInto: (String) -> Bool, isNew: (String) -> Bool
        ) -> (invalid: Int, duplicates: Int, events: Int)? {
            var (invalid, duplicates, events) = (unknown, 0, 0)
            for (key, claims) in claims {
                guard isLookedInto(key) else {
                    events += 1
                    duplicates += claims.count - 1
                    continue
                }
                let sendable = claims.count { $0 != nil }
                invalid += claims.count - sendable
                if wanted[key] != nil {
                    events += 1
                    duplicates += sendable - 1
                } else if sendable > 0 {
                    if !isNew(key) { return nil }
                    invalid += sendable
                }
            }
            return (invalid, duplicates, events)
        }
    }
}

/// What is sent of an event beside its id.
struct EventContent: Hashable {
    var email: String?
    var userID: String?
    var name: String
    /// Whole seconds since 1970.
    var createdAt: Int64?
    /// As JSON.
    var fields: [String: String] = [:]

    /// By the identifier that is sent.
    var person: String { userID ?? email ?? "" }

    var summary: String {
        let values = fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return (["\(name) of \(person)", createdAt.map { "at \($0)" } ?? "-"] + values).joined(separator: " ")
    }
}

extension Scenario.Tracks {
    var cursorColumn: String? {
        switch cursor {
        case .whole: nil
        case .time: "loaded"
        case .number: "seq"
        }
    }

    /// The values of a row's key with their families; nil: one is NULL.
    private func parts(of row: TableRow) -> [(family: String, text: String)]? {
        let parts = key.compactMap { column -> (family: String, text: String)? in
            switch row[column] {
            case .text(let text): return (family: "string", text: text)
            case .integer(let number): return (family: "long", text: String(number))
            case .null, .timestamp: return nil
            }
        }
        return parts.count == key.count ? parts : nil
    }

    /// Of one column its text, of several a JSON array of their texts.
    func key(of row: TableRow) -> String? {
        guard let texts = parts(of: row)?.map(\.text) else { return nil }
        return texts.count == 1 ? texts[0] : "[" + texts.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    }

    /// In microseconds since 1970.
    func time(of row: TableRow, _ position: Int64?) -> Int64? {
        (hasTime ? row["at"].position : nil) ?? (cursor == .time ? position : nil)
    }

    func id(of row: TableRow) -> String { DerivedID.of(Self.namespace, parts(of: row) ?? []) }

    /// nil: it cannot be sent.
    func event(_ row: TableRow, _ position: Int64?, _ type: ProjectType) -> Visits.Meaning.Event? {
        let (email, userID) = (row["email"].text, mapsUserID(type) ? row["user_id"].text : nil)
        var content = EventContent(name: hasNames ? row["name"].text ?? "" : Self.constantName)
        switch type {
        case .email: (content.email, content.userID) = email == nil ? (nil, userID) : (email, nil)
        case .userID: content.userID = userID
        case .hybrid: (content.email, content.userID) = userID == nil ? (email, nil) : (nil, userID)
        }
        if content.email == nil && content.userID == nil { return nil }
        let time = hasTime ? row["at"].position : nil
        if hasTime && time == nil { return nil }
        content.createdAt = time.map { $0 / 1_000_000 }
        for (field, column) in Self.fields {
            switch row[column] {
            case .null: break
            case .text(let text):
                if text.contains("\u{0}") || column == "amount" { return nil }
                content.fields[field] = "\"\(text)\""
            case .integer(let number), .timestamp(let number): content.fields[field] = "\(number)"
            }
        }
        return Visits.Meaning.Event(
            content: content, order: time ?? position ?? 0, time: time ?? (cursor == .time ? position : nil),
            position: position)
    }
}
