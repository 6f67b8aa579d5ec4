"""`./oms certificate`."""

import json
from typing import Annotated

from typer import Option

from stack.certificate import VALID_DAYS, make
from stack.cli.running import output
from stack.settings import Settings


def certificate(as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False) -> None:
    """Make a certificate of this machine's own for the APIs, and say how to have them speak TLS with it.

    It is valid for 127.0.0.1 and localhost, and signed by itself: give the file to whoever calls the APIs,
    as in `curl --cacert`. Elsewhere use one from an authority.

    Example: ./oms certificate
    """
    pair = make(Settings().folder)
    told = {"certificate": str(pair.certificate), "key": str(pair.key), "valid_days": VALID_DAYS}
    if as_json:
        print(json.dumps(told))
        return
    output.print(f"{pair.certificate}, valid for {VALID_DAYS} days", soft_wrap=True)
    output.print("Next, so that the APIs speak TLS 1.3 and nothing else (./oms down before, if they run):")
    output.print(
        f"OMS_API_CERTIFICATE={pair.certificate} OMS_API_KEY={pair.key} ./oms up",
        soft_wrap=True,
        style="bold",
    )
