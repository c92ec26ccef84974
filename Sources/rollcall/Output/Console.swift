import Foundation
import RollcallConfig
import Synchronization

/// Where output goes: results to stdout, logs and progress to stderr. Colour and bars only where a terminal shows them.
struct Console: Sendable {
    let outIsTerminal: Bool
    let errorIsTerminal: Bool
    /// Columns of the terminal; 80 where there is none.
    let width: Int
    /// Columns of the terminals that stdout and stderr are; nil: it is none, or one that does not say.
    private let outColumns: Int?
    private let errorColumns: Int?
    private let allowsColour: Bool

    static let standard = Console()

    init(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        outColumns: Int? = Console.columns(of: STDOUT_FILENO), errorColumns: Int? = Console.columns(of: STDERR_FILENO)
    ) {
        outIsTerminal = isatty(STDOUT_FILENO) == 1
        errorIsTerminal = isatty(STDERR_FILENO) == 1
        self.outColumns = outColumns
        self.errorColumns = errorColumns
        width = outColumns ?? 80
        let noColour = !(environment["NO_COLOR"] ?? "").isEmpty
        allowsColour = !noColour && environment["TERM"] != "dumb"
    }

    static func columns(of file: Int32) -> Int? {
        var size = winsize()
        guard ioctl(file, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return max(40, Int(size.ws_col))
    }

    enum Style: String {
        case bold = "1"
        case faint = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
    }

    /// The text with colour where stdout is a terminal.
    func styled(_ text: String, _ style: Style) -> String {
        allowsColour && outIsTerminal ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    func styledError(_ text: String, _ style: Style) -> String {
        allowsColour && errorIsTerminal ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// A line of results.
    func out(_ text: String = "") { Console.write(text + "\n", to: STDOUT_FILENO) }

    /// A line for people, on stderr.
    func note(_ text: String) { Console.write(text + "\n", to: STDERR_FILENO) }

    /// Sentences among the results: on a terminal they go on below, under the text that they continue.
    func outSentence(_ text: String, after label: String = "") {
        out(flowed(text, after: label).joined(separator: "\n"))
    }

    /// Sentences for people, on stderr, in the same way.
    func noteSentence(_ text: String, after label: String = "") {
        note(FlowedText.lines(text, after: label, width: errorColumns).joined(separator: "\n"))
    }

    /// The lines of ``outSentence(_:after:)``.
    func flowed(_ text: String, after label: String = "") -> [String] {
        FlowedText.lines(text, after: label, width: outColumns)
    }

    /// Pieces of one line of the results; on a terminal it is broken between them only.
    func flowed(_ pieces: [String], depth: Int) -> [String] {
        FlowedText.join(pieces, width: outColumns, depth: depth)
    }

    /// What is wrong, or unwise, in a configuration, for stderr: the place stays at the beginning of the first line, and the
    /// lines after it are laid out already.
    func shown(_ problem: ConfigurationProblem, after label: String = "") -> String {
        let text = problem.description
        let start = problem.location + ": "
        guard errorColumns != nil, text.hasPrefix(start) else { return label + text }
        let end = text.firstIndex(of: "\n") ?? text.endIndex
        let headline = String(text[..<end].dropFirst(start.count))
        let lines = FlowedText.lines(headline, after: label + start, width: errorColumns)
        return lines.joined(separator: "\n") + String(text[end...])
    }

    /// An error for people, on stderr.
    func error(_ text: String) { noteSentence(text, after: styledError("error: ", .red)) }

    func raw(_ text: String) { Console.write(text, to: STDERR_FILENO) }

    private static let lock = Mutex(())
    private static let failure = Mutex<Int32?>(nil)

    /// Why results could not be written; nil if they could. A reader that went away (a closed pipe) is no failure.
    static var outputFailure: String? {
        failure.withLock { $0 }.map { "cannot write the output: \(String(cString: strerror($0)))" }
    }

    /// Whole texts, so that lines of different tasks never mix.
    private static func write(_ text: String, to file: Int32) {
        var text = text
        lock.withLock { _ in
            text.withUTF8 { bytes in
                var rest = UnsafeRawBufferPointer(bytes)[...]
                while !rest.isEmpty {
                    let part = UnsafeRawBufferPointer(rebasing: rest)
                    let count = Foundation.write(file, part.baseAddress, part.count)
                    if count < 0 && errno == EINTR { continue }
                    if count <= 0 {
                        let code = errno
                        if file == STDOUT_FILENO && code != EPIPE { failure.withLock { $0 = $0 ?? code } }
                        return
                    }
                    rest = rest.dropFirst(count)
                }
            }
        }
    }

    /// Text from a warehouse or from Iterable, safe to show: control characters and direction marks become visible.
    static func safe(_ text: String) -> String {
        if !text.unicodeScalars.contains(where: isUnsafe) { return text }
        return text.unicodeScalars.reduce(into: "") { shown, scalar in
            shown += isUnsafe(scalar) ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x2069, 0xfeff: true
        default: false
        }
    }
}
