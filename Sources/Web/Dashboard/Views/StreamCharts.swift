import Foundation
import RollcallCore
import SyncEngine

/// The last hour of a stream, minute by minute: its highest lag, and how fast it went.
struct StreamCharts {
    private static let hour = 60
    /// Half of what one sample covers: the middle of its ten seconds decides on the minute.
    private static let half = 5.0
    /// Height of a bar for 0, so that a minute that was measured differs from one that was not.
    private static let lowest = 0.8

    private let minutes: [Date]
    private let samples: [Date: [StreamStatus.Sample]]

    init(_ samples: [StreamStatus.Sample], now: Date) {
        let last = Self.minute(now)
        let minutes = (0..<Self.hour).map { last.addingTimeInterval(60 * Double($0 - Self.hour + 1)) }
        self.minutes = minutes
        let all = Dictionary(grouping: samples) { Self.minute($0.at.addingTimeInterval(-Self.half)) }
        self.samples = all.filter { minutes.contains($0.key) }
    }

    /// Empty where nothing was measured in the last hour.
    var charts: [ChartView] {
        if samples.isEmpty { return [] }
        return [
            chart("Lag, last hour", "time", words: DisplayText.duration, axis: ChartMaker.roundDuration) { samples in
                samples.map(\.lagSeconds).max() ?? 0
            },
            chart("Records a second, last hour", "in", words: StreamWords.perSecond, axis: Self.axis) { samples in
                samples.map(\.recordsPerSecond).reduce(0, +) / Double(max(1, samples.count))
            },
        ]
    }

    /// - Parameters:
    ///   - words: a value in words.
    ///   - axis: the same, short enough to stand beside the axis.
    ///   - value: of the samples of one minute.
    private func chart(
        _ title: String, _ kind: String, words: (Double) -> String, axis: (Double) -> String,
        value: ([StreamStatus.Sample]) -> Double
    ) -> ChartView {
        let values = minutes.map { minute in samples[minute].map { max(0, value($0)) } }
        let measured = values.compactMap(\.self)
        let highest = measured.max() ?? 0
        let scale = ChartMaker.scale(highest)
        var chart = ChartView(title: title, label: "\(title), at most \(words(highest))")
        let latest = measured.last.map { ", \(words($0)) in the latest that was measured" } ?? ""
        chart.description =
            "One bar for each minute; \(DisplayText.count(measured.count, "minute was", "minutes were")) measured: at most "
            + "\(words(highest)) in one\(latest)."
        chart.lines = ChartMaker.lines(scale, axis)
        chart.first = minutes.first.map(TimeView.minute) ?? ""
        chart.last = minutes.last.map(TimeView.minute) ?? ""
        let step = (ChartMaker.right - ChartMaker.left) / Double(Self.hour)
        for (index, (minute, value)) in zip(minutes, values).enumerated() {
            guard let value else { continue }
            let height = max(ChartMaker.bottom - ChartMaker.y(value, scale), Self.lowest)
            chart.bars.append(
                ChartView.Bar(
                    kind: kind, x: ChartMaker.text(ChartMaker.left + step * (Double(index) + 0.1)),
                    y: ChartMaker.text(ChartMaker.bottom - height), width: ChartMaker.text(step * 0.8),
                    height: ChartMaker.text(height), title: "\(TimeView.minute(minute)): \(words(value))"))
        }
        return chart
    }

    private static func axis(_ rate: Double) -> String {
        rate < 10 ? StreamWords.perSecond(rate) : ChartMaker.compact(rate)
    }

    private static func minute(_ time: Date) -> Date {
        Date(timeIntervalSince1970: (time.timeIntervalSince1970 / 60).rounded(.down) * 60)
    }
}
