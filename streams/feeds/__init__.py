"""Price feeds: what other venues pay, from their WebSockets or from recordings, into the topic ``prices``."""
