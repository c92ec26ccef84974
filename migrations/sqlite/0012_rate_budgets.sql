-- compatible_from: 6
-- Rate limits that processes share. Programs of versions 6 to 11 go on: they take no part, and keep their limits each by itself.

-- One row for each address of Iterable, API key and endpoint.
CREATE TABLE rollcall_rate_budgets (
    budget     TEXT NOT NULL PRIMARY KEY,  -- address, one-way hash of the API key, endpoint
    next_turn  INTEGER NOT NULL            -- the first turn that no process has, in microseconds since 1970
) WITHOUT ROWID;

-- The processes that take part.
CREATE TABLE rollcall_rate_shares (
    budget             TEXT NOT NULL,
    process            TEXT NOT NULL,
    rate_limit         REAL NOT NULL,      -- requests a second, as configured in the process
    wanted_by_streams  REAL NOT NULL,      -- requests a second
    wanted_by_runs     REAL NOT NULL,
    share              REAL NOT NULL,      -- requests a second, as of the last exchange
    seen_at            TEXT NOT NULL,      -- the last exchange; after 5 seconds without one the process does not count
    PRIMARY KEY (budget, process)
) WITHOUT ROWID;
