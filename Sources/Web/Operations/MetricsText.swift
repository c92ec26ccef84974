import RollcallCore
import SyncEngine

/// Metrics in Prometheus' text format 0.0.4. No label tells of people: labels are names of the configuration and fixed words.
/// Source: Prometheus, Exposition formats.
struct MetricsText {
    private(set) var text = ""

    mutating func add(_ metrics: ServiceMetrics) {
        family("rollcall_runs_total", "counter", "Runs that ended or are held, by sync and status.")
        for (key, count) in sorted(metrics.runs, by: { "\($0.sync) \($0.status.rawValue)" }) {
            sample("rollcall_runs_total", [("sync", key.sync), ("status", key.status.rawValue)], Double(count))
        }
        family("rollcall_records_total", "counter", "Records of ended runs, by sync and outcome.")
        for (key, count) in sorted(metrics.records, by: { "\($0.sync) \($0.outcome)" }) {
            sample("rollcall_records_total", [("sync", key.sync), ("outcome", key.outcome)], Double(count))
        }
        family("rollcall_requests_total", "counter", "Requests to destinations, by operation and kind of answer.")
        let requests = sorted(metrics.requests) { "\($0.destination) \($0.operation.rawValue) \($0.answer)" }
        for (key, count) in requests {
            let labels = [
                ("destination", key.destination), ("operation", key.operation.rawValue), ("answer", key.answer),
            ]
            sample("rollcall_requests_total", labels, Double(count))
        }
        addSchedule(metrics)
        addStreams(metrics.streams)
        addGauges(metrics)
    }

    /// Requests that were answered here.
    mutating func add(_ traffic: [(key: TrafficCounter.Key, count: Int)]) {
        family("rollcall_http_requests_total", "counter", "Requests answered by this server, by route and status.")
        for (key, count) in traffic {
            let labels = [("method", key.method), ("route", key.route), ("status", "\(key.status)")]
            sample("rollcall_http_requests_total", labels, Double(count))
        }
    }

    private mutating func addSchedule(_ metrics: ServiceMetrics) {
        family("rollcall_ticks_total", "counter", "Ticks decided upon by this process, by sync and outcome.")
        for (key, count) in sorted(metrics.ticks, by: { "\($0.sync) \($0.outcome.rawValue)" }) {
            sample("rollcall_ticks_total", [("sync", key.sync), ("outcome", key.outcome.rawValue)], Double(count))
        }
        family("rollcall_tick_lateness_seconds", "gauge", "Lateness of the latest tick that ran here.")
        for (sync, seconds) in sorted(metrics.tickLateness, by: { $0 }) {
            sample("rollcall_tick_lateness_seconds", [("sync", sync)], seconds)
        }
        family("rollcall_scheduler_lateness_seconds", "gauge", "How long the scheduler has not looked at the clock.")
        sample("rollcall_scheduler_lateness_seconds", [], metrics.schedulerLateness)
    }

    private mutating func addStreams(_ streams: [ServiceMetrics.Stream]) {
        family("rollcall_stream_lag_seconds", "gauge", "Age of the oldest record that was read and has no outcome.")
        for stream in streams {
            if let lag = stream.lagSeconds { sample("rollcall_stream_lag_seconds", [("sync", stream.sync)], lag) }
        }
        family("rollcall_stream_backlog_records", "gauge", "Records that were read and have no outcome.")
        for stream in streams {
            guard let backlog = stream.backlog else { continue }
            sample("rollcall_stream_backlog_records", [("sync", stream.sync)], Double(backlog))
        }
        family("rollcall_stream_records_total", "counter", "Records of streams with an outcome.")
        for stream in streams {
            sample("rollcall_stream_records_total", [("sync", stream.sync)], Double(stream.records))
        }
    }

    private mutating func addGauges(_ metrics: ServiceMetrics) {
        family("rollcall_run_duration_seconds", "gauge", "Duration of the latest run that ended here.")
        for (sync, seconds) in sorted(metrics.runSeconds, by: { $0 }) {
            sample("rollcall_run_duration_seconds", [("sync", sync)], seconds)
        }
        family("rollcall_members", "gauge", "Members of the snapshot.")
        for (sync, count) in sorted(metrics.members, by: { $0 }) {
            sample("rollcall_members", [("sync", sync)], Double(count))
        }
        family("rollcall_limiter_rate", "gauge", "Requests a second: as configured, and as they go now.")
        for limiter in metrics.limiters.sorted(by: {
            ($0.destination, $0.endpoint.rawValue) < ($1.destination, $1.endpoint.rawValue)
        }) {
            let labels = [("destination", limiter.destination), ("operation", limiter.endpoint.rawValue)]
            sample("rollcall_limiter_rate", labels + [("kind", "configured")], limiter.configuredRate)
            sample("rollcall_limiter_rate", labels + [("kind", "current")], limiter.currentRate)
        }
        family(
            "rollcall_rate_share", "gauge", "Requests a second that this process has of what processes send together.")
        for limiter in metrics.limiters {
            guard let share = limiter.share else { continue }
            let labels = [("destination", limiter.destination), ("endpoint", limiter.endpoint.rawValue)]
            sample("rollcall_rate_share", labels, share)
        }
        family("rollcall_running_runs", "gauge", "Runs in progress in this process.")
        sample("rollcall_running_runs", [], Double(metrics.running))
        family("rollcall_problems", "gauge", "Things that keep syncs from running.")
        sample("rollcall_problems", [], Double(metrics.problems))
    }

    private func sorted<Key, Value>(_ values: [Key: Value], by text: (Key) -> String) -> [(key: Key, value: Value)] {
        values.map { (key: $0.key, value: $0.value) }.sorted { text($0.key) < text($1.key) }
    }

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
        let pairs = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        text += name + (pairs.isEmpty ? "" : "{\(pairs)}") + " \(Self.number(value))\n"
    }

    private static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    /// A label's value: backslash, quotation mark and line feed are escaped.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
