"""Every bound and default of the load that `./oms replay` and `./oms demo` make; names end in their unit."""

# --- Sending ---------------------------------------------------------------------------------------------
IN_FLIGHT_MAX = 2_048
"""Commands on their way at once; an open loop that meets it falls behind, which its latencies then show."""
BATCH_COMMANDS_MAX = 400
"""Of the 500 the API takes: a longer batch waits longer for its first outcome."""
GATHER_MS = 5.0
"""Commands due within this time go out in one request."""
REQUEST_S_MAX = 15.0
RETRY_S_MAX = 90.0
"""How long one command is tried again while services restart; `--patience` sets another."""
BACKOFF_FIRST_S = 0.05
BACKOFF_S_MAX = 2.0

# --- Measuring -------------------------------------------------------------------------------------------
ACKNOWLEDGED_MAX = 2_000_000
"""Order ids kept to look for each in the event store; those after them are counted, and not looked for."""
VISIBLE_SAMPLES_PER_S = 10
VISIBLE_IN_FLIGHT_MAX = 4
"""Each makes the query API look again and again until it is there: more would measure themselves."""
VISIBLE_S_MAX = 30.0

# --- Proving ---------------------------------------------------------------------------------------------
CATCH_UP_S_MAX = 300.0
DIFFERENCES_SHOWN_MAX = 20

# --- The demo ----------------------------------------------------------------------------------------------
DEMO_COMMANDS_PER_S = 400.0
DEMO_COMMANDS_PER_S_MIN = 20.0
DEMO_P99_MS_MAX = 400.0
"""Above it the demo sends less, below half of it more again, up to the load it was asked for."""
RECKLESS_S_MAX = 60.0
"""How long the reckless account trades at most, if nobody stops it."""
RECKLESS_PAUSE_S = 0.2
RECKLESS_DONE_S_MAX = 30.0
SCREEN_REFRESHES_PER_S = 2
