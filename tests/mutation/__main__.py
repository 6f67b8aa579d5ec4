"""Mutation testing of the domain: which small mistakes would no test notice?

Example: python -m tests.mutation --module matching --seed 1 --mutants-max 200

It makes mutants of the module (see mutants.py), runs the tests of tests/unit/domain against each, and prints
how many were killed, and those that survived, as diffs. Exit code 0 if none survived. It is not part of
`./oms test`: 200 mutants take about five minutes on two cores.
"""

import argparse
import sys
from collections import Counter
from dataclasses import replace
from random import Random
from time import monotonic

from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.trials import CHECKOUT, Settings, Verdict, verdicts

MODULES = ("matching", "ledger", "book", "ending", "placing", "accounts", "positions", "busting")

Outcome = tuple[Mutant, Verdict]


def main() -> int:
    asked = _arguments()
    sources = {module: (CHECKOUT / "domain" / f"{module}.py").read_text() for module in asked.module}
    settings = Settings(asked.seed, asked.examples, asked.processes, asked.seconds_max)
    _check_green(sources, settings)
    mutants = [mutant for module, source in sources.items() for mutant in mutants_of(module, source)]
    chosen = _sample([mutant for mutant in mutants if _is_named(mutant, asked.only)], asked)
    outcomes = _tried_twice(chosen, settings, replace(settings, examples=asked.examples_again))
    _report(outcomes, len(mutants), sources)
    return int(any(verdict == "survived" for _, verdict in outcomes))


def _arguments() -> argparse.Namespace:
    summary, example, more = (__doc__ or "").split("\n\n", 2)
    parser = argparse.ArgumentParser(
        "python -m tests.mutation",
        description=summary,
        epilog=f"{example}\n\n{more}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one_of = ", ".join(MODULES)
    parser.add_argument(
        "--module", action="append", help=f"of domain/, without .py; may be repeated; else {one_of}"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the sample and of the property tests (1)")
    parser.add_argument("--mutants-max", type=int, default=200, help="how many are tried at most (200)")
    parser.add_argument(
        "--only", action="append", help="mutants so named: matching:77, or matching:77:2; may be repeated"
    )
    parser.add_argument("--examples", type=int, default=20, help="of each property test (20)")
    parser.add_argument("--examples-again", type=int, default=100, help="for those that survive (100)")
    parser.add_argument("--processes", type=int, default=2, help="at a time (2)")
    parser.add_argument("--seconds-max", type=float, default=60.0, help="for one mutant (60)")
    asked = parser.parse_args()
    asked.module = asked.module or list(MODULES)
    return asked


def _check_green(sources: dict[str, str], settings: Settings) -> None:
    """Without a mistake all tests pass, or killing one would mean nothing."""
    module, source = next(iter(sources.items()))
    (_, verdict), *_ = verdicts([Mutant("none", module, source)], settings)
    if verdict != "survived":
        sys.exit(
            f"the tests do not pass without a mutant ({verdict}): run `OMS_PROPERTY_EXAMPLES="
            f"{settings.examples} pytest tests/unit/domain --hypothesis-seed={settings.seed}`"
        )


def _is_named(mutant: Mutant, only: list[str] | None) -> bool:
    return only is None or any(f"{mutant.name}:".startswith(f"{name}:") for name in only)


def _sample(mutants: list[Mutant], asked: argparse.Namespace) -> list[Mutant]:
    """Chosen by the seed, in the order of the lines."""
    places = Random(asked.seed).sample(range(len(mutants)), min(asked.mutants_max, len(mutants)))  # noqa: S311 - no secret
    return [mutants[place] for place in sorted(places)]


def _tried_twice(mutants: list[Mutant], settings: Settings, again: Settings) -> list[Outcome]:
    """Few examples kill most of them; those that are left meet more."""
    found = dict(_watched(mutants, settings))
    found |= _watched([mutant for mutant in mutants if found[mutant] == "survived"], again)
    return [(mutant, found[mutant]) for mutant in mutants]


def _watched(mutants: list[Mutant], settings: Settings) -> list[Outcome]:
    started, outcomes = monotonic(), list[Outcome]()
    for outcome in verdicts(mutants, settings):
        outcomes.append(outcome)
        survived = sum(verdict == "survived" for _, verdict in outcomes)
        seconds = monotonic() - started
        print(
            f"\r{len(outcomes)} of {len(mutants)} tried, {survived} survived, {seconds:.0f} s",
            end="",
            file=sys.stderr,
            flush=True,
        )
    print(file=sys.stderr)
    return outcomes


def _report(outcomes: list[Outcome], made: int, sources: dict[str, str]) -> None:
    for mutant, verdict in outcomes:
        if verdict == "survived":
            print(mutant.diff(sources[mutant.module]), end="\n\n")
    late = [mutant.name for mutant, verdict in outcomes if verdict == "timeout"]
    if late:
        print("Timeouts, which count as killed:", ", ".join(late), end="\n\n")
    print(f"{'module':<12} {'tried':>6} {'killed':>7} {'timeout':>8} {'survived':>9}")
    for module in (*sources, "all"):
        counts = Counter(verdict for mutant, verdict in outcomes if module in {mutant.module, "all"})
        tried = sum(counts.values())
        print(f"{module:<12} {tried:>6} {counts['killed']:>7} {counts['timeout']:>8} {counts['survived']:>9}")
    print(f"{len(outcomes)} of {made} mutants.")


if __name__ == "__main__":
    sys.exit(main())
