"""How much of an answer somebody wants to wait for, and to be told."""

from typing import Annotated, Literal

from litestar.params import QueryParameter

Wanted = Literal["ack", "result", "full"]

ABOUT = (
    "`ack`: answer as soon as the log has the command for good, with its ids and nothing of its outcome. "
    "`result`: wait for the outcome. `full`: the outcome, with its fills."
)
WantedInQuery = Annotated[Wanted, QueryParameter(name="answer", description=ABOUT)]
