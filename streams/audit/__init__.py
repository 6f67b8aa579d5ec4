"""What an auditor asks of the event store: histories, causes, trades back to people, states of the past."""
