"""The commands of `./oms`, one module each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One command: its module is only imported when it is called, so that `./oms` answers at once."""

    name: str
    what: str
    module: str
    function: str


COMMANDS = (
    Command("up", "start the servers and services; fine if they run", "stack.cli.up", "up"),
    Command("down", "stop everything; --wipe also forgets all data", "stack.cli.down", "down"),
    Command("status", "what runs where; exit code 1 if something does not", "stack.cli.status", "status"),
    Command("doctor", "say what is wrong on this machine, and what to do", "stack.cli.doctor", "doctor"),
    Command("demo", "trade, and prove that nothing was lost", "stack.cli.demo", "demo"),
    Command("replay", "send the orders of a file", "stack.cli.replay", "replay"),
    Command("token", "print a bearer token for curl", "stack.cli.token", "token"),
    Command("users", "who may sign in: add, list, lock, roles", "stack.cli.users", "users"),
    Command("keys", "API keys for programs: create, list, revoke", "stack.cli.keys", "keys"),
    Command("identity", "the issuer of tokens: keys, clients, events", "stack.cli.identity", "identity"),
    Command("certificate", "make a local certificate for TLS", "stack.cli.certificate", "certificate"),
    Command("orders", "place, change, cancel, list and watch orders", "stack.cli.orders", "orders"),
    Command("book", "what is bid and asked on a market", "stack.cli.book", "book"),
    Command("trades", "the trades of a market, or an account's own", "stack.cli.trades", "trades"),
    Command("positions", "what trading left accounts with", "stack.cli.positions", "positions"),
    Command("accounts", "what accounts may do, and what they have", "stack.cli.accounts", "accounts"),
    Command("markets", "what is traded: rules and prices", "stack.cli.markets", "markets"),
    Command("export", "write a list of the query API to a file", "stack.cli.export", "export"),
    Command("audit", "verify, look into, travel through the history", "stack.cli.audit", "audit"),
    Command(
        "projections", "how far the read models are; build one anew", "stack.cli.projections", "projections"
    ),
    Command("backup", "write a backup of the event store", "stack.cli.backup", "backup"),
    Command("restore", "rebuild all from the store or a backup", "stack.cli.restore", "restore"),
    Command("test", "run the tests, or one kind of them", "stack.cli.test", "run_tests"),
    Command("check", "ruff, mypy, import-linter, secrets, weak packages", "stack.cli.check", "check"),
    Command("bench", "measure us and what could be installed instead", "stack.cli.bench", "bench"),
    Command("cost", "what an environment costs on AWS a month", "stack.cli.cost", "cost"),
    Command("completion", "teach your shell to complete ./oms", "stack.cli.completion", "completion"),
    Command("lock", "choose the newest versions of all packages", "stack.cli.lock", "lock"),
)
