"""Every bound of the client; names end in their unit."""

CONNECT_S_MAX = 5.0
ANSWER_S_MAX = 15.0
"""How long one try of a request may take; the command API answers 202 well before."""
CONNECTIONS_MAX = 64
PATIENCE_S = 10.0
"""How long one request is tried again in all, unless a policy says otherwise."""
BACKOFF_FIRST_S = 0.05
BACKOFF_S_MAX = 2.0
RETRY_AFTER_S_MAX = 60.0
"""A longer time that an answer names is not waited for."""
PAGES_MAX = 100_000
PAGE_LIMIT = 500
PLACES_MAX = 256
"""Of a read-after token: as many as the query API takes."""
DETAIL_CHARACTERS_MAX = 500

FRAME_BYTES_MAX = 16_777_216
"""Of what the API sends over the WebSocket."""
IN_FLIGHT_MAX = 1_024
"""Items of a session without a reply; the API's own bound is told in its welcome, and kept too."""
REPLY_S_MAX = 15.0
CLOSE_S_MAX = 5.0
