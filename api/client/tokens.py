"""Read your own writes: how far the events of this client's writes went, and the header that says so."""

import threading

from api.client.bounds import PLACES_MAX

READ_AFTER = "OMS-Read-After"


class ReadAfter:
    """Keeps, for each place of a log that something of ours went to, the furthest event.

    Many threads may use it. Of more places than a token may name the earliest known are forgotten.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[str, int] = {}
        self._token = ""

    def note(self, token: str) -> None:
        """Take in a write's token, such as ``a1.0:1243,e3.0:1240``; what is no token changes nothing."""
        if not token or token == self._token:
            return
        with self._lock:
            for part in token.split(","):
                place, _, seq = part.partition(":")
                if seq.isdigit():
                    self._places[place] = max(int(seq), self._places.get(place, 0))
            while len(self._places) > PLACES_MAX:
                del self._places[next(iter(self._places))]
            self._token = ",".join(f"{place}:{seq}" for place, seq in sorted(self._places.items()))

    @property
    def token(self) -> str:
        """The token to give to queries; empty before the first write."""
        return self._token
