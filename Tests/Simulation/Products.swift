/// The rows from which a catalog is made, and what they are to be in Iterable. It shares no decision with the engine.
struct Products {
    struct Row: Equatable {
        var key: [UInt8]?
        var title: [UInt8]?
        /// Grows with each row that comes.
        var at: Int64 = 0

        /// With the columns `key`, `title` and `at`.
        var cells: TableRow {
            var row = TableRow()
            for (column, bytes) in [("key", key), ("title", title)] {
                row[column] = bytes.map { .text(String(decoding: $0, as: UTF8.self)) } ?? .null
            }
            row["at"] = .integer(at)
            return row
        }
    }

    private(set) var rows: [Row] = []
    private var time: Int64 = 0

    private mutating func add(_ row: Row) {
        time += 1
        var row = row
        row.at = time
        rows.append(row)
    }

    static func key(_ number: Int) -> [UInt8] { Array("k-\(number)".utf8) }

    mutating func move(_ move: Scenario.GoodsMove) {
        switch move {
        case .set(let number, let version):
            rows.removeAll { $0.key == Self.key(number) }
            add(Row(key: Self.key(number), title: version == 0 ? nil : Array("t\(version)".utf8)))
        case .remove(let number): rows.removeAll { $0.key == Self.key(number) }
        case .repeated(let number, let isSame):
            guard var row = rows.first(where: { $0.key == Self.key(number) }) else { return }
            if !isSame { row.title = (row.title ?? []) + Array("x".utf8) }
            add(row)
        case .unsendable(let number):
            // U+0000 cannot be sent; other rows of the key stay.
            add(Row(key: Self.key(number), title: [0x61, 0]))
        case .badKey(let isNull): add(Row(key: isNull ? nil : Array("a/b".utf8), title: nil))
        case .shuffle: rows.reverse()
        case .empty: rows = []
        }
    }

    // MARK: What the rows mean

    struct Meaning {
        /// Titles by item; `""`: the row has none.
        var wanted: [String: String] = [:]
        /// Items of which there is a row, whatever it says.
        var standing: Set<String> = []
        var rows = 0
        var invalid = 0
        var duplicates = 0
    }

    static func meaning(of rows: [Row]) -> Meaning {
        var meaning = Meaning()
        meaning.rows = rows.count
        var sendable: [String: [String]] = [:]
        var unsendable: Set<String> = []
        for row in rows {
            guard let key = row.key.map({ String(decoding: $0, as: UTF8.self) }), !key.contains("/") else {
                meaning.invalid += 1
                continue
            }
            meaning.standing.insert(key)
            if row.title?.contains(0) == true {
                meaning.invalid += 1
                unsendable.insert(key)
            } else {
                sendable[key, default: []].append(row.title.map { String(decoding: $0, as: UTF8.self) } ?? "")
            }
        }
        for (key, titles) in sendable {
            if Set(titles).count > 1 || unsendable.contains(key) {
                meaning.invalid += titles.count
            } else {
                meaning.wanted[key] = titles[0]
                meaning.duplicates += titles.count - 1
            }
        }
        return meaning
    }
}
