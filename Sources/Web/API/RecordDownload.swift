import Hummingbird
import NIOCore
import RollcallCore
import SyncEngine
import Synchronization
import Warehouse

/// Records as comma-separated values, page by page: a slow client holds neither memory nor the database.
struct RecordDownload: Sendable {
    let service: SyncService
    let filter: RecordFilter
    /// nil: all.
    let limit: Int?
    /// Whether the records have a key.
    let hasRecords: Bool

    private static let pageSize = 1000

    func response(name: String) -> Response {
        let body = ResponseBody { writer in
            let columns = LogRecord.columns + (hasRecords ? LogRecord.recordColumns : [])
            try await writer.write(ByteBuffer(string: columns.joined(separator: ",") + "\r\n"))
            var filter = filter
            var left = limit ?? .max
            while left > 0 {
                let size = min(left, Self.pageSize)
                filter.limit = size
                let page = try await service.allRecords(filter)
                if page.isEmpty { break }
                try await writer.write(ByteBuffer(string: page.map(line).joined()))
                left -= page.count
                filter.before = page.last?.recordID
                if page.count < size { break }
            }
            try await writer.finish(nil)
        }
        var headers: HTTPFields = [.contentType: "text/csv; charset=utf-8"]
        headers[.contentDisposition] = "attachment; filename=\"records-\(name).csv\""
        return Response(status: .ok, headers: headers, body: body)
    }

    private func line(_ record: LogRecord) -> String {
        let cells =
            [
                record.runID, record.sync, record.email, record.userID, record.operation, record.status,
                record.errorCode,
                record.errorReason, record.httpStatus.map(String.init), String(record.attempts),
                record.loggedAt.iso8601,
            ] + (hasRecords ? [record.recordKey, record.itemID, record.eventName, record.eventID] : [])
        return cells.map { CommaSeparated.text($0 ?? "") }.joined(separator: ",") + "\r\n"
    }
}

extension SyncService {
    /// The records of one page.
    func allRecords(_ filter: RecordFilter) async throws(ServiceError) -> [LogRecord] {
        let gathered = Gathered()
        try await records(filter) { record in gathered.records.withLock { $0.append(record) } }
        return gathered.records.withLock { $0 }
    }
}

/// What a callback gave.
private final class Gathered: Sendable {
    let records = Mutex<[LogRecord]>([])
}
