"""Who takes part: our engine, and what a user could install instead."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.engine import environments
from bench.engine.flow import ACCOUNTS
from stack import compiled
from stack.settings import Settings

REPETITIONS = 5
WARM_UPS = 3  # engines that are compiled while they run
PART_SECONDS_MAX = 5.0  # a repetition ends there, as does filling the book

Language = Literal["python", "javascript", "java"]
Job = tuple[list[str], dict[str, str]]


@dataclass(frozen=True)
class Contestant:
    """``job`` returns the command and environment that plays a flow's file; it installs what is missing."""

    name: str
    language: Language
    version: str
    leaves_out: str
    how: str
    job: Callable[[Path], Job]
    tells_trades: bool = True


def domain_environment(name: str) -> dict[str, str]:
    """Return the environment in which Python finds the compiled domain, or for the plain row the sources."""
    settings = Settings(compiled_domain=name != "crypto-oms-plain")
    compiled.prepare(settings)
    return {**os.environ, "PYTHONPATH": compiled.path(settings)}


def _ours(name: str) -> Callable[[Path], Job]:
    command = [sys.executable, "-P", "-m", "bench.engine.worker", name]
    numbers = [str(REPETITIONS), str(PART_SECONDS_MAX)]
    return lambda flow: ([*command, str(flow), *numbers], domain_environment(name))


def _pypi(name: str) -> Callable[[Path], Job]:
    def job(flow: Path) -> Job:
        environment = environments.python_environment(name)
        command = environments.python_command()
        return [*command, name, str(flow), str(REPETITIONS), str(PART_SECONDS_MAX)], environment

    return job


def _node(flow: Path) -> Job:
    numbers = [str(WARM_UPS), str(REPETITIONS), str(PART_SECONDS_MAX)]
    return [*environments.node_command(), str(flow), *numbers], dict(os.environ)


def _java(mode: str) -> Callable[[Path], Job]:
    numbers = [str(WARM_UPS), str(REPETITIONS), str(ACCOUNTS)]
    return lambda flow: ([*environments.java_command(), mode, str(flow), *numbers], dict(os.environ))


_BOOK_ONLY = "accounts, money and holds, events to replay, state hash, idempotency, market rules, fees"

OURS = (
    Contestant(
        "crypto-oms",
        "python",
        "this checkout",
        leaves_out="nothing of the domain; no store, no network",
        how="decide and evolve for each command, compiled; modify amends the order",
        job=_ours("crypto-oms"),
    ),
    Contestant(
        "crypto-oms-plain",
        "python",
        "this checkout",
        leaves_out="the same",
        how="the same, from the Python sources",
        job=_ours("crypto-oms-plain"),
    ),
)

PEERS = (
    Contestant(
        "lightmatchingengine",
        "python",
        "PyPI 2019.1.4",
        leaves_out=f"{_BOOK_ONLY}; IOC; modify; own order ids",
        how="add_order and cancel_order; what an IOC leaves is cancelled; modify is cancel and add",
        job=_pypi("lightmatchingengine"),
    ),
    Contestant(
        "pyorderbook",
        "python",
        "PyPI 0.4.9",
        leaves_out=f"{_BOOK_ONLY}; IOC; modify; own order ids",
        how="match and cancel of orders made beforehand; what an IOC leaves is cancelled; modify is both",
        job=_pypi("pyorderbook"),
    ),
    Contestant(
        "fastlob",
        "python",
        "PyPI 0.0.24",
        leaves_out=f"{_BOOK_ONLY}; IOC; change of price; own order ids; who traded with whom",
        how="process and cancel, parameters made beforehand; what an IOC leaves is cancelled; modify is both",
        job=_pypi("fastlob"),
        tells_trades=False,
    ),
    Contestant(
        "order-matching",
        "python",
        "PyPI 0.12.0",
        leaves_out=f"{_BOOK_ONLY}; IOC; modify; exact prices (floats)",
        how="place and match for each message, its log off; what an IOC leaves is cancelled; modify is both",
        job=_pypi("order-matching"),
    ),
    Contestant(
        "nodejs-order-book",
        "javascript",
        "npm 10.1.1",
        leaves_out=_BOOK_ONLY,
        how="limit, cancel and modify, its journal off; after warm-ups",
        job=_node,
    ),
    Contestant(
        "exchange-core",
        "java",
        "Maven 0.5.3",
        leaves_out="events to replay from (its journal is off), idempotency; fees are per lot",
        how="the full pipeline, blocking wait; risk, matching and results have threads; after warm-ups",
        job=_java("pipeline"),
    ),
    Contestant(
        "exchange-core-book",
        "java",
        "Maven 0.5.3",
        leaves_out=_BOOK_ONLY,
        how="OrderBookDirectImpl alone, one thread; after warm-ups",
        job=_java("book"),
    ),
)
