"""The HTTP services: the command API, and apart from it the query API."""
