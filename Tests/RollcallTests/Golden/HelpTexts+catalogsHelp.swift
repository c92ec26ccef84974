extension HelpTexts {
    /// `rollcall catalogs --help`
    static let catalogsHelp = #"""

        """#
}
