"""What of the client follows from other code is as docs/client_source.py writes it."""

import subprocess
import sys

from docs import client_source
from stack.settings import CHECKOUT


def test_the_client_is_what_the_servers_schemas_say() -> None:
    stale = [path.name for path, text in client_source.sources().items() if path.read_text() != text]
    assert not stale, f"{stale} are not what the schemas say; next: python docs/client_source.py"


def test_nothing_in_the_folder_of_types_is_written_by_hand() -> None:
    written = {path for path in client_source.types() if path.parent == client_source.TYPES}
    assert set(client_source.TYPES.glob("*.py")) == written


def test_the_client_is_imported_without_the_services() -> None:
    """So that who uses it, the command line among them, waits for no framework."""
    heavy = "('litestar', 'pymongo', 'confluent_kafka', 'domain', 'streams', 'aiohttp')"
    program = f"import sys, api.client.client; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=CHECKOUT
    )
    assert done.stdout.strip() == "[]"
