"""`./oms audit export`."""

import getpass
import json
from pathlib import Path
from typing import Annotated

from typer import Option

from stack.cli.running import output as screen
from stack.cli.running import progress
from stack.cli.up import settings


def export(
    account: Annotated[str, Option(help="Whose events.")],
    output: Annotated[Path, Option(help="A new folder, or a file that ends in .zip.")],
    begin: Annotated[
        str | None, Option("--from", help="From this seq on, or from this time: 2026-01-31T00:00:00Z.")
    ] = None,
    end: Annotated[str | None, Option("--to", help="Up to this seq or time, inclusive.")] = None,
    exported_by: Annotated[
        str | None, Option("--by", help="Who exports; the manifest says so. Else the user of this machine.")
    ] = None,
    copy: Annotated[
        str | None, Option(metavar="DSN", help="Read this PostgreSQL database, a copy of the store.")
    ] = None,
    heads: Annotated[Path | None, Option(help="The folder with the signed heads, if another one.")] = None,
    public_key: Annotated[
        list[Path] | None, Option(help="A PEM file of a retired key that signed heads; repeatable.")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="Print one JSON object: the manifest.")] = False,
) -> None:
    """Write all events of one account with a proof that a third party can verify without this system.

    Of everybody else there are hashes alone. The bundle is signed; docs/audit.md tells how to verify it, with
    verify.py that lies in it or with a program of one's own.

    Example: ./oms audit export --account alice --from 2026-01-01T00:00:00Z --output alice.zip
    """
    from stack.audit.export import Export, Wanted
    from stack.audit.report import progress_on
    from stack.audit.verifying import of_copy

    by = exported_by or getpass.getuser()
    wanted = Wanted(account, output, begin, end, by, tuple(public_key or ()))
    with progress_on(progress) as said:
        manifest = Export(of_copy(settings(), copy, heads), wanted, said).run()
    if as_json:
        print(json.dumps(manifest))
        return
    signed = {shard["shard"]: shard["signed_up_to_seq"] for shard in manifest["shards"]}
    late = [
        shard["shard"]
        for shard in manifest["shards"]
        if shard["signed_up_to_seq"] < shard["account_until_seq"]
    ]
    screen.print(
        f"{output}: {manifest['events']:,} events of {account} in {manifest['streams']:,} streams, with"
        f" {manifest['commits']:,} commits of the chain; signed heads up to seq {signed}"
    )
    if late:
        screen.print("The newest events are under no signed head yet; heads are signed every few seconds.")
    screen.print(f"Verify it anywhere: python verify.py {output.name} --key {manifest['key_id']}.pub")
