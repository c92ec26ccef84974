extension HelpTexts {
    /// `rollcall abandon --help`
    static let abandonHelp = #"""
        OVERVIEW: Let a sync go of what it keeps; what is in Iterable stays as it is.

        Drops the sync's snapshot, its held run and its tie to what it keeps, and sends
        nothing. No sync removes these members or records any more. Runs and logs stay.
        The sync may have left the configuration. With exit code 5 nothing was changed:
        a run is in progress, or a request without an answer may still land.

        USAGE: rollcall abandon <sync> [--list <id>] [<options>]

        ARGUMENTS:
          <sync>                  The sync that lets go.

        OPTIONS:
          --list <id>             Only what it has to do with this list.
          --warehouse <name>      The warehouse with its state; needed where several
                                  know the sync.
          --json                  Print one JSON object.
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
