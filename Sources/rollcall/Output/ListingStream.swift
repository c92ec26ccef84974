import RollcallCore

/// Writes the rows of a listing as they come: JSON and CSV in bounded memory. Rows of a table are kept, for its columns are as wide
/// as their widest cells.
struct ListingStream {
    private let format: OutputFormat
    private let console: Console
    /// Its rows are those of a table; empty for the other formats.
    private(set) var listing: Listing
    /// Rows so far.
    private(set) var count = 0

    init(columns: [String], _ format: OutputFormat, _ console: Console) {
        listing = Listing(columns: columns)
        self.format = format
        self.console = console
    }

    mutating func add(_ row: [Value]) {
        switch format {
        case .table: listing.rows.append(row)
        case .json: console.out((count == 0 ? "[" : ",") + listing.jsonObject(row).text)
        case .csv:
            if count == 0 { console.out(listing.csv) }
            console.out(Listing.csvLine(row))
        }
        count += 1
    }

    /// - Parameter table: the text of the table, or what is said in place of an empty one.
    func end(table: @autoclosure () -> String) {
        switch format {
        case .json: console.out(count == 0 ? "[]" : "]")
        case .csv: if count == 0 { console.out(listing.csv) }
        case .table: console.out(table())
        }
    }
}
