extension HelpTexts {
    /// `rollcall schema --help`
    static let schemaHelp = #"""
        OVERVIEW: Print the JSON Schema of rollcall.yaml, for editors and checks.

        USAGE: rollcall schema

        OPTIONS:
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
