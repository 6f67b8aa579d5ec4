"""The command API: it puts a wish into the log, and answers with what became of it."""
