"""Bringing the servers and services up, on a laptop and in tests; settings; the command line."""
