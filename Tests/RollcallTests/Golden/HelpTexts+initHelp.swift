extension HelpTexts {
    /// `rollcall init --help`
    static let initHelp = #"""
        OVERVIEW: Write a commented rollcall.yaml to start from.

        USAGE: rollcall init [<dir>]

        ARGUMENTS:
          <dir>                   The folder; default: this one. (default: .)

        OPTIONS:
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
