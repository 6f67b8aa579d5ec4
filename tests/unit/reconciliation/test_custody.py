"""The books' side: what should be in custody, told from the events; and a statement that agrees with it."""

from decimal import Decimal
from pathlib import Path

import pytest
from typer import BadParameter, Exit

from stack.cli import reconcile as command
from stack.reconciliation.comparing import Movement
from stack.reconciliation.custody import Custody
from tests.unit.domain.transfer_wishes import (
    adjust,
    cancel_withdrawal,
    complete_withdrawal,
    move,
    request_withdrawal,
)
from tests.unit.projections.trading import START_US, Venue, deposit, list_market, open_account, trading


@pytest.fixture
def venue() -> Venue:
    """100 USD came in; 30 left a millisecond later; 20 are under way, 10 were called off."""
    made = Venue()
    made.batch(list_market(), open_account("ann"), open_account("bob"), deposit("ann", "USD", "100"))
    made.batch(request_withdrawal("ann", "30", "USD"), complete_withdrawal("ann", reference="tx-1"))
    made.batch(
        request_withdrawal("ann", "20", "USD", name="second"),
        request_withdrawal("ann", "10", "USD", name="third"),
        cancel_withdrawal("ann", name="third"),
        move("ann", "bob", "5", "USD"),
        adjust("ann", "credit", "1", "USD"),
    )
    return made


def followed(venue: Venue, until_us: int | None = None) -> Custody:
    custody = Custody()
    custody.follow(0, venue.events, until_us)
    return custody


def test_custody_has_what_came_in_less_what_left(venue: Venue) -> None:
    custody = followed(venue)
    assert custody.statement.amounts == {"USD": Decimal(70)}
    assert custody.statement.movements == [
        Movement("d-USD", "USD", Decimal(100), "in", "2023-11-14T22:13:20Z"),
        Movement("tx-1", "USD", Decimal(30), "out", "2023-11-14T22:13:20Z"),
    ]
    assert custody.seqs == {0: venue.events[-1].seq}


def test_what_happened_later_is_left_out(venue: Venue) -> None:
    assert followed(venue, START_US).statement.amounts == {"USD": Decimal(100)}
    assert followed(venue, START_US - 1).statement.amounts == {}


def test_it_is_what_the_exchange_itself_has() -> None:
    venue = trading(200, seed=9, money_moves=True)
    amounts = followed(venue).statement.amounts
    units = {asset: int(amount * 10**8) for asset, amount in amounts.items()}
    assert units == venue.shard.exchange.outside


def test_shards_add_up(venue: Venue) -> None:
    custody = followed(venue)
    custody.follow(1, venue.events)
    assert custody.statement.amounts == {"USD": Decimal(140)}


# --- The command ----------------------------------------------------------------------------------------


def reconciled(venue: Venue, statement: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "running_settings", lambda: None)
    monkeypatch.setattr(command, "read_custody", lambda _, until_us: followed(venue, until_us))
    command.reconcile(statement)


def written(folder: Path, text: str) -> Path:
    file = folder / "statement.csv"
    file.write_text(text)
    return file


def test_a_statement_that_agrees_is_no_failure(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = written(
        tmp_path, "asset,amount,reference,direction\nUSD,70,,\nUSD,100,d-USD,in\nUSD,30,tx-1,out\n"
    )
    reconciled(venue, statement, monkeypatch)
    assert "They agree." in capsys.readouterr().out


def test_one_that_does_not_fails_and_says_where(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = written(
        tmp_path, "asset,amount,reference,direction\nUSD,71,,\nUSD,29,tx-1,out\nUSD,1,tx-9,in\n"
    )
    with pytest.raises(Exit) as ended:
        reconciled(venue, statement, monkeypatch)
    assert ended.value.exit_code == 1
    told = capsys.readouterr().out
    assert "Only the statement knows: 1 USD in, tx-9" in told
    assert "Only our books know: 100 USD in, d-USD" in told
    assert "29 USD out, tx-1, our books 30 USD out, tx-1" in told


def test_a_file_that_is_no_statement_is_named_with_its_line(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = written(tmp_path, "asset,amount\nUSD,lots\n")
    with pytest.raises(RuntimeError, match=r"statement\.csv: line 2: amount was 'lots'"):
        reconciled(venue, statement, monkeypatch)


def test_a_day_is_meant_until_its_end() -> None:
    second = command.moment_us("2023-11-14T00:00:00Z")
    assert command.moment_us("2023-11-14T00:00:00") == second
    assert command.moment_us("2023-11-14") == second + 86_400_000_000 - 1
    assert command.moment_us("2023-11-14T01:00:00+01:00") == second
    with pytest.raises(BadParameter, match="yesterday"):
        command.moment_us("yesterday")
