import Foundation
import HTTPTypes
import Mustache

/// What a template shows. An absent value is absent: it is not looked for in what stands around.
protocol PageView: MustacheParent, Sendable {}

extension PageView {
    func child(named name: String) -> Any? {
        for child in Mirror(reflecting: self).children where child.label == name {
            let mirror = Mirror(reflecting: child.value)
            guard mirror.displayStyle == .optional else { return child.value }
            return mirror.children.first?.value ?? NSNull()
        }
        return nil
    }
}

/// The templates, parsed once.
struct PageRenderer: Sendable {
    private let pages: MustacheLibrary

    /// - Throws: when a template is wrong.
    init() throws {
        MustacheContentTypes.register(ScalarHTML(), named: "SCALAR_HTML")
        var pages = MustacheLibrary()
        let templates = [
            "head": FrameTemplates.head, "foot": FrameTemplates.foot, "error": FrameTemplates.error,
            "login": FrameTemplates.login, "badge": SyncTemplates.badge, "time": SyncTemplates.time,
            "prose": SyncTemplates.prose,
            "overview": SyncTemplates.overview, "live": SyncTemplates.live, "sync": SyncTemplates.sync,
            "chart": SyncTemplates.chart, "stream": SyncTemplates.stream, "why": SyncTemplates.why,
            "run": RunTemplates.run,
            "records": RunTemplates.records, "receivers": ReceiverTemplates.overview,
            "receiver": ReceiverTemplates.receiver,
        ]
        for (name, text) in templates {
            try pages.register("{{% CONTENT_TYPE: SCALAR_HTML}}" + text, named: name)
        }
        self.pages = pages
    }

    /// - Throws: `internal` where there is no such template.
    func render(_ view: some PageView, _ name: String) throws(Problem) -> String {
        guard let html = pages.render(view, withTemplate: name) else {
            throw Problem(.internalServerError, "internal", "A page is missing.")
        }
        return html
    }
}

/// HTML, escaped scalar by scalar. The library's own escaping looks at whole characters, so that a quotation mark with a
/// combining accent would get through.
struct ScalarHTML: MustacheContentType {
    func escapeText(_ text: String) -> String {
        var escaped = ""
        escaped.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
