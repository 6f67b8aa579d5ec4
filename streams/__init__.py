"""Streams: topics, the codec of what travels on them, the publisher, and the Faust apps that consume them."""
