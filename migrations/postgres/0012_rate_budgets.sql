-- compatible_from: 6
-- Rate limits that processes share. Programs of versions 6 to 11 go on: they take no part, and keep their limits each by itself.

-- One row for each address of Iterable, API key and endpoint.
CREATE TABLE rate_budgets (
    budget     text PRIMARY KEY,      -- address, one-way hash of the API key, endpoint
    next_turn  bigint NOT NULL        -- the first turn that no process has, in microseconds since 1970
);

-- The processes that take part.
CREATE TABLE rate_shares (
    budget             text NOT NULL,
    process            text NOT NULL,
    rate_limit         double precision NOT NULL,  -- requests a second, as configured in the process
    wanted_by_streams  double precision NOT NULL,  -- requests a second
    wanted_by_runs     double precision NOT NULL,
    share              double precision NOT NULL,  -- requests a second, as of the last exchange
    seen_at            timestamptz NOT NULL,       -- the last exchange; after 5 seconds without one the process does not count
    PRIMARY KEY (budget, process)
);
