"""Order lists as plain values, for the dump of an exchange."""

from typing import Any

from domain.order_lists import Leg, OrderList

LIST_FIELDS = ("list_id", "account", "symbol", "kind", "filled", "decided", "exiting")


def dump_list(its_list: OrderList) -> dict[str, Any]:
    fields = {name: getattr(its_list, name) for name in (*LIST_FIELDS, "digest")}
    return fields | {"legs": [_leg(leg) for leg in its_list.legs]}


def _leg(leg: Leg) -> dict[str, Any]:
    trigger = leg.trigger
    names = ("price", "rising", "source", "trail", "trail_bps") if trigger else ()
    return {name: getattr(leg, name) for name in ("order_id", "wanted", "given")} | {
        "trigger": [getattr(trigger, name) for name in names]
    }


def list_terms(its_list: dict[str, Any]) -> tuple[Any, ...]:
    """Return what goes into the state hash."""
    flags = {True: 1, False: 0}
    legs = [
        term
        for leg in its_list["legs"]
        for term in (leg["order_id"], leg["wanted"], leg["given"], *leg["trigger"])
    ]
    names = (its_list[name] for name in ("list_id", "account", "symbol", "kind", "filled"))
    return ("list", *names, flags[its_list["decided"]], flags[its_list["exiting"]], *legs)
