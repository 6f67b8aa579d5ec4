"""Every bound and default of the fault rounds; names end in their unit."""

COMMANDS_PER_S = 100.0
"""The load under which things break."""
OVERLOAD_PER_S = 4_000.0
"""Ten times what two cores that also run the clients carry with ease."""
OVERLOAD_S = 4.0
OVERLOAD_BATCH = 200
CALM_S = (1.0, 3.0)
"""Before the fault: drawn from the round's seed."""
AFTER_S = 1.0
"""Load that goes on after recovery."""
PAUSE_S = (1.0, 9.0)
"""Shorter and longer than the processor's session with Kafka (6 s)."""
KAFKA_AWAY_S = 30.0
RECOVERY_S_MAX = 120.0
PATIENCE_S = 120.0
"""How long one command is tried again."""
PROBE_EVERY_S = 0.25
PROBES_IN_FLIGHT_MAX = 64
PROBE_PATIENCE_S = 8.0
CATCH_UP_S_MAX = 90.0
ROUND_S_MAX = 300.0
ROUNDS_IN_CI = 5
MONTH_S = 30 * 86_400
AVAILABILITY = 0.999
