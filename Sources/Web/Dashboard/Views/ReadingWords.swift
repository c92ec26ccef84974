import RollcallCore

extension AudienceRead {
    /// Which rows were fetched, and what that cost; nil where all were and nothing else was asked for.
    var words: String? {
        let what: String
        switch mode {
        case .all: return nil
        case .grouped: what = "all, with their groups"
        case .changed: what = "those of groups that changed"
        case .fallback: what = "all, as groups could not be compared"
        }
        let bytes = bytes.map { ", \(DisplayText.grouped(Int($0))) bytes" } ?? ""
        return "\(what)\(bytes) in \(DisplayText.duration(seconds))"
    }
}
