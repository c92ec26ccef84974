extension HelpTexts {
    /// `rollcall lists --help`
    static let listsHelp = #"""
        OVERVIEW: Show or make lists of an Iterable project.

        USAGE: rollcall lists <subcommand>

        OPTIONS:
          --version               Show the version.
          -h, --help              Show help information.

        SUBCOMMANDS:
          show (default)          Show the lists of the project.
          create                  Make a Standard list, unless one of that name exists.

          See 'rollcall help lists <subcommand>' for detailed help.
        """#
}
