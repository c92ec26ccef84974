import Receivers
import RollcallCore

extension MetricsText {
    /// What the receivers of this process have done since its start, and what waits.
    mutating func add(_ metrics: ReceiverMetrics) {
        family("rollcall_receiver_requests_total", "counter", "Requests to receivers, by receiver and outcome.")
        for requests in metrics.requests {
            let labels = [("receiver", requests.receiver), ("outcome", requests.outcome.rawValue)]
            sample("rollcall_receiver_requests_total", labels, Double(requests.count))
        }
        family("rollcall_receiver_spool_bytes", "gauge", "Bytes on disk that wait for their warehouse.")
        for spool in metrics.spools {
            sample("rollcall_receiver_spool_bytes", [("warehouse", spool.warehouse)], Double(spool.bytes))
        }
        family("rollcall_receiver_spool_bodies", "gauge", "Bodies on disk that wait for their warehouse.")
        for spool in metrics.spools {
            sample("rollcall_receiver_spool_bodies", [("warehouse", spool.warehouse)], Double(spool.bodies))
        }
        family("rollcall_receiver_waiting_bodies", "gauge", "Bodies in memory whose requests are not answered yet.")
        sample("rollcall_receiver_waiting_bodies", [], Double(metrics.waiting))
    }
}
