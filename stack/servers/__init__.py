"""The four servers: how each is made ready, started, and asked whether it answers."""
