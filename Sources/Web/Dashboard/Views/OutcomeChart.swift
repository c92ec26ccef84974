import Foundation
import RollcallCore

/// Requests to a receiver by hour: kept, left out and refused, one on the other.
struct OutcomeChart {
    private let hours: [Date]
    private let tallies: [Date: OutcomeTally]

    static func day(_ counts: [ReceiverCount], _ hours: CountedHours) -> ChartView {
        OutcomeChart(counts, hours).chart("Requests an hour, last 24 hours")
    }

    static func week(_ counts: [ReceiverCount], _ hours: CountedHours) -> ChartView {
        OutcomeChart(counts, hours).chart("Requests an hour, last 7 days")
    }

    private init(_ counts: [ReceiverCount], _ hours: CountedHours) {
        self.hours = hours.hours
        var tallies: [Date: OutcomeTally] = [:]
        for count in counts { tallies[count.hour, default: OutcomeTally()].add(count) }
        self.tallies = tallies
    }

    private func chart(_ title: String) -> ChartView {
        let most = hours.compactMap { tallies[$0]?.total }.max() ?? 0
        let scale = ChartMaker.scale(Double(most))
        var chart = ChartView(title: title, label: "\(title), at most \(DisplayText.grouped(most)) in one")
        chart.lines = ChartMaker.lines(scale, ChartMaker.compact)
        chart.first = hours.first.map(TimeView.minute) ?? ""
        chart.last = hours.last.map(TimeView.minute) ?? ""
        let step = (ChartMaker.right - ChartMaker.left) / Double(max(1, hours.count))
        for (index, hour) in hours.enumerated() {
            guard let tally = tallies[hour] else { continue }
            let x = ChartMaker.left + step * (Double(index) + 0.1)
            chart.bars += Self.bars(tally, at: hour, x: x, width: step * 0.8, scale)
        }
        return chart
    }

    private static func bars(
        _ tally: OutcomeTally, at hour: Date, x: Double, width: Double, _ scale: Double
    ) -> [ChartView.Bar] {
        let title =
            "\(TimeView.minute(hour)): \(DisplayText.grouped(tally.kept)) kept, "
            + "\(DisplayText.grouped(tally.leftOut)) left out, \(DisplayText.grouped(tally.refused)) refused"
        var below = 0
        return [("in", tally.kept), ("rest", tally.leftOut), ("out", tally.refused)].compactMap { kind, count in
            guard count > 0 else { return nil }
            let bottom = ChartMaker.y(Double(below), scale)
            below += count
            let top = ChartMaker.y(Double(below), scale)
            return ChartView.Bar(
                kind: kind, x: ChartMaker.text(x), y: ChartMaker.text(top), width: ChartMaker.text(width),
                height: ChartMaker.text(bottom - top), title: title)
        }
    }
}
