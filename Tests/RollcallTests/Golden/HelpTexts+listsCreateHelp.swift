extension HelpTexts {
    /// `rollcall lists create --help`
    static let listsCreateHelp = #"""
        OVERVIEW: Make a Standard list, unless one of that name exists.

        The destination's list_name_prefix is put before the name, as for lists that
        runs make.

        USAGE: rollcall lists create <destination> <name> [<options>]

        ARGUMENTS:
          <destination>           The destination.
          <name>                  Name of the list, without the prefix.

        OPTIONS:
          --description <description>
                                  Description shown in Iterable.
          --json                  Print a JSON object.
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
