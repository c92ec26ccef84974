extension HelpTexts {
    /// `rollcall fields --help`
    static let fieldsHelp = #"""

        """#
}
