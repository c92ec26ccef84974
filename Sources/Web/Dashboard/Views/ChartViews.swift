import Foundation
import RollcallCore

/// A chart as shapes with their places, 360 by 150.
struct ChartView: PageView {
    struct Line: PageView {
        var y: String
        var textY: String
        var words: String
    }
    struct Bar: PageView {
        var kind: String
        var x: String
        var y: String
        var width: String
        var height: String
        var title: String
    }
    struct Dot: PageView {
        var x: String
        var y: String
        var title: String
    }

    var title: String
    /// What the chart shows, for those who do not see it.
    var label: String
    /// The same at more length.
    var description: String?
    var lines: [Line] = []
    var area: String?
    var line: String?
    var bars: [Bar] = []
    var dots: [Dot] = []
    var first = ""
    var last = ""
}

/// Draws charts of runs, oldest first.
struct ChartMaker {
    static let left = 44.0
    static let right = 356.0
    static let top = 10.0
    static let bottom = 128.0

    private let runs: [SyncRun]
    private let words: KindWords

    /// - Parameter runs: newest first; those that read an audience count.
    init(_ runs: [SyncRun]) {
        words = (runs.first?.kind ?? .list).words
        self.runs = runs.filter { $0.counts.rowsRead > 0 && $0.status.isFinal }.reversed()
    }

    /// How many there are, how many came and went, duration; empty where there are not two runs yet.
    var charts: [ChartView] { runs.count < 2 ? [] : [audience, changes, durations] }

    /// The audience as a small line, 120 by 32; nil where there are not two runs yet.
    var spark: String? {
        guard runs.count > 1 else { return nil }
        let values = runs.map { Double($0.counts.audience) }
        let (low, high) = (values.min() ?? 0, values.max() ?? 0)
        let points = values.enumerated().map { index, value -> (Double, Double) in
            let x = 2 + 116 * Double(index) / Double(values.count - 1)
            return (x, high == low ? 16 : 29 - 26 * (value - low) / (high - low))
        }
        return Self.path(points)
    }

    private var audience: ChartView {
        let values = runs.map { Double($0.counts.audience) }
        var chart = frame(words.size, values.max() ?? 0, unit: Self.grouped, axis: Self.compact)
        let scale = Self.scale(values.max() ?? 0)
        let points = values.enumerated().map { (x(Double($0.offset)), Self.y($0.element, scale)) }
        let line = Self.path(points)
        chart.line = line
        if let first = points.first, let last = points.last {
            chart.area =
                line
                + "L\(Self.text(last.0)) \(Self.text(Self.bottom))L\(Self.text(first.0)) \(Self.text(Self.bottom))Z"
        }
        chart.dots = zip(runs, points).map { run, point in
            ChartView.Dot(
                x: Self.text(point.0), y: Self.text(point.1),
                title:
                    "\(TimeView.minute(run.startedAt)): \(DisplayText.count(run.counts.audience, words.one, words.many))"
            )
        }
        return chart
    }

    private var changes: ChartView {
        let most = runs.map { max($0.counts.succeeded.total(.put), $0.counts.succeeded.total(.remove)) }.max() ?? 0
        let names = WordsView(runs.last?.kind ?? .list)
        let (put, removed) = (names.Put.lowercased(), names.Removed.lowercased())
        let title = names.hasRemovals ? "\(names.Put) and \(removed)" : names.Put
        var chart = frame(title, Double(most), unit: Self.grouped, axis: Self.compact)
        if names.hasRemovals { chart.title = "\(names.Put) (green) and \(removed) (orange)" }
        let scale = Self.scale(Double(most))
        let half = barWidth / 2
        let width = names.hasRemovals ? half : barWidth
        for (index, run) in runs.enumerated() {
            let center = x(Double(index))
            let when = TimeView.minute(run.startedAt)
            let entered = run.counts.succeeded.total(.put)
            let left = run.counts.succeeded.total(.remove)
            chart.bars.append(
                bar(
                    "in", center - half, width, Double(entered), scale,
                    "\(when): \(DisplayText.grouped(entered)) \(put)"))
            if !names.hasRemovals { continue }
            chart.bars.append(
                bar("out", center, half, Double(left), scale, "\(when): \(DisplayText.grouped(left)) \(removed)"))
        }
        return chart
    }

    private var durations: ChartView {
        let seconds = runs.map { max(0, ($0.finishedAt ?? $0.startedAt).timeIntervalSince($0.startedAt)) }
        var chart = frame("Duration", seconds.max() ?? 0, unit: Self.roundDuration, axis: Self.roundDuration)
        let scale = Self.scale(seconds.max() ?? 0)
        for (index, run) in runs.enumerated() {
            chart.bars.append(
                bar(
                    "time", x(Double(index)) - barWidth / 2, barWidth, seconds[index], scale,
                    "\(TimeView.minute(run.startedAt)): \(DisplayText.duration(seconds[index]))"))
        }
        return chart
    }

    /// - Parameters:
    ///   - unit: a value in words.
    ///   - axis: the same, short enough to stand beside the axis.
    private func frame(
        _ title: String, _ highest: Double, unit: (Double) -> String, axis: (Double) -> String
    ) -> ChartView {
        let scale = Self.scale(highest)
        var chart = ChartView(
            title: title, label: "\(title) over the latest \(runs.count) runs, at most \(unit(highest))")
        chart.lines = Self.lines(scale, axis)
        chart.first = runs.first.map { TimeView.minute($0.startedAt) } ?? ""
        chart.last = runs.last.map { TimeView.minute($0.startedAt) } ?? ""
        return chart
    }

    /// A round number at or above the highest value: 1, 2, 4 or 5 times a power of ten, at least 2.
    static func scale(_ highest: Double) -> Double {
        guard highest > 2, highest.isFinite else { return 2 }
        let power = pow(10, log10(highest).rounded(.down))
        return ([1, 2, 4, 5, 10].first { $0 * power >= highest } ?? 10) * power
    }

    /// The lines across a chart: at 0, in the middle and at the top.
    static func lines(_ scale: Double, _ words: (Double) -> String) -> [ChartView.Line] {
        [0, 0.5, 1].map { share in
            let place = y(scale * share, scale)
            return ChartView.Line(y: text(place), textY: text(place + 3), words: words(scale * share))
        }
    }

    private static func grouped(_ number: Double) -> String { DisplayText.grouped(Int(number)) }

    /// A count short enough to stand beside the axis: `50,000`, `120k`, `2.5M`.
    static func compact(_ number: Double) -> String {
        guard number.isFinite, number >= 100_000 else { return grouped(number.isFinite ? number.rounded() : 0) }
        let (size, unit) = number < 1e6 ? (1e3, "k") : number < 1e9 ? (1e6, "M") : (1e9, "G")
        let tenths = (min(number / size, 1e6) * 10).rounded()
        return tenths.truncatingRemainder(dividingBy: 10) == 0
            ? "\(DisplayText.grouped(Int(tenths / 10)))\(unit)" : "\(tenths / 10)\(unit)"
    }

    /// Short enough to stand beside the axis: `8.3 min`, `17 min`.
    static func roundDuration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 60 else { return DisplayText.duration(seconds) }
        let (size, unit) = seconds < 3600 ? (60.0, "min") : seconds < 86_400 ? (3600.0, "h") : (86_400.0, "d")
        let number = seconds / size
        return number < 10
            ? "\((number * 10).rounded() / 10) \(unit)"
            : "\(DisplayText.grouped(Int(min(number.rounded(), 1e9)))) \(unit)"
    }

    private var barWidth: Double { min(18, max(2, (Self.right - Self.left) / Double(runs.count) * 0.7)) }

    private func x(_ index: Double) -> Double {
        let inset = barWidth / 2 + 2
        return Self.left + inset + (Self.right - Self.left - 2 * inset) * index / Double(max(1, runs.count - 1))
    }

    static func y(_ value: Double, _ scale: Double) -> Double {
        bottom - (bottom - top) * min(1, max(0, value / scale))
    }

    private func bar(
        _ kind: String, _ x: Double, _ width: Double, _ value: Double, _ scale: Double, _ title: String
    ) -> ChartView.Bar {
        let top = Self.y(value, scale)
        return ChartView.Bar(
            kind: kind, x: Self.text(x), y: Self.text(top), width: Self.text(width),
            height: Self.text(max(Self.bottom - top, 0)), title: title)
    }

    private static func path(_ points: [(Double, Double)]) -> String {
        points.enumerated().map { index, point in "\(index == 0 ? "M" : "L")\(text(point.0)) \(text(point.1))" }
            .joined()
    }

    /// With one decimal.
    static func text(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
