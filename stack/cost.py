"""What an environment costs a month: its sizes times AWS's prices, component by component.

Sizes are those Terraform itself reads (terraform/environments/*/sizes.json), prices stand in one file with
their date (terraform/prices.json). All amounts are US dollars; what depends on use is counted by a stated
load.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

from stack.settings import CHECKOUT

TERRAFORM = CHECKOUT / "terraform"
ENVIRONMENTS = ("small", "dev", "prod")
ENDPOINTS = 7  # of AWS's APIs, in each zone: see modules/network
KEYS, SECRETS, ALARMS, WAF_RULES = 9, 4, 9, 3

CUSTOMERS_DEV = {
    "EKS": 72,
    "MSK": 302,
    "ElastiCache": 12,
    "DocumentDB": 50,
    "EC2": 30,
    "NAT": 32,
    "ALB": 16,
}
CUSTOMERS_PROD = (1_500, 2_000)


class Line(NamedTuple):
    """One line of the bill. ``counted`` says how it came about."""

    component: str
    usd: Decimal
    counted: str


@dataclass(frozen=True)
class Load:
    """What is assumed of use, a month: dollars beyond what stands there idle."""

    nat_gb: int
    logs_gb: int
    documents_gb: int
    documents_million_io: int
    objects_gb: int
    million_requests: int
    lcus: Decimal


LOADS = {
    "small": Load(10, 2, 1, 20, 1, 1, Decimal("0.5")),
    "dev": Load(50, 10, 10, 100, 10, 10, Decimal(1)),
    "prod": Load(100, 100, 100, 500, 200, 200, Decimal(5)),
}


class UnknownPriceError(LookupError):
    """A size has no price in terraform/prices.json."""


@dataclass(frozen=True)
class Prices:
    """Prices by name, exact: 0.10 is a tenth."""

    table: dict[str, Any]

    @classmethod
    def load(cls, path: Path = TERRAFORM / "prices.json") -> "Prices":
        return cls(json.loads(path.read_text(), parse_float=Decimal))

    def of(self, name: str) -> Decimal:
        return Decimal(self.table[name])

    def hourly(self, table: str, size: str) -> Decimal:
        """Return what ``size`` costs an hour. Raises ``UnknownPriceError``."""
        if size not in self.table[table]:
            known = ", ".join(sorted(self.table[table]))
            raise UnknownPriceError(
                f"terraform/prices.json: {table} has no price of {size!r}, only of {known}"
            )
        return Decimal(self.table[table][size])

    @property
    def hours(self) -> int:
        return int(self.table["hours_per_month"])


def sizes_of(environment: str) -> dict[str, Any]:
    path = TERRAFORM / "environments" / environment / "sizes.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def bill(environment: str, prices: Prices) -> list[Line]:
    """Return what ``environment`` costs a month, the dearest first. Raises ``UnknownPriceError``."""
    sizes, load = sizes_of(environment), LOADS[environment]
    lines = [
        *_services(sizes, prices),
        *_stores(sizes, prices, load),
        *_network(sizes, prices, load),
        *_rest(prices, load),
    ]
    return sorted(lines, key=lambda line: -line.usd)


def total(lines: list[Line]) -> Decimal:
    return sum((line.usd for line in lines), Decimal(0))


def _services(sizes: dict[str, Any], prices: Prices) -> Iterator[Line]:
    yield _line("EKS", prices.of("eks_cluster_hour") * prices.hours, "one control plane")
    usd, said = Decimal(0), []
    for name, group in sizes["node_groups"].items():
        kind, count = group["instance_types"][0], group["desired"]
        spot = group["capacity_type"] == "SPOT"
        share = prices.of("ec2_spot_share") if spot else Decimal(1)
        usd += count * prices.hourly("ec2_hour", kind) * prices.hours * share
        usd += count * group["disk_gib"] * prices.of("ebs_gp3_gib")
        said.append(f"{name}: {count} x {kind}{' spot' if spot else ''}, {group['disk_gib']} GiB each")
    yield _line("EC2", usd, "; ".join(said))


def _stores(sizes: dict[str, Any], prices: Prices, load: Load) -> Iterator[Line]:
    kafka, cache = sizes["kafka"], sizes["cache"]
    hours = prices.hourly("msk_hour", kafka["instance_type"]) * prices.hours
    yield _line(
        "MSK",
        kafka["brokers"] * (hours + kafka["disk_gib"] * prices.of("msk_gib")),
        f"{kafka['brokers']} x {kafka['instance_type']}, {kafka['disk_gib']} GiB each",
    )
    yield _line(
        "ElastiCache",
        cache["nodes"] * prices.hourly("elasticache_hour", cache["node_type"]) * prices.hours,
        f"{cache['nodes']} x {cache['node_type']}, Valkey",
    )
    yield _documents(sizes["documents"], prices, load)
    yield _event_store(sizes["event_store"], prices)


def _documents(documents: dict[str, Any], prices: Prices, load: Load) -> Line:
    hours = prices.hourly("docdb_hour", documents["instance_class"]) * prices.hours
    usd = documents["instances"] * hours + load.documents_gb * prices.of("docdb_gib")
    return _line(
        "DocumentDB",
        usd + load.documents_million_io * prices.of("docdb_million_io"),
        f"{documents['instances']} x {documents['instance_class']}, {load.documents_gb} GB,"
        f" {load.documents_million_io} million I/Os",
    )


def _event_store(store: dict[str, Any], prices: Prices) -> Line:
    copies = prices.of("rds_multi_az_factor") if store["multi_az"] else Decimal(1)
    hours = prices.hourly("rds_hour", store["instance_class"]) * prices.hours
    return _line(
        "PostgreSQL",
        copies * (hours + store["disk_gib"] * prices.of("rds_gp3_gib")),
        f"the event store: {store['instance_class']}{', two zones' if store['multi_az'] else ''},"
        f" {store['disk_gib']} GiB",
    )


def _network(sizes: dict[str, Any], prices: Prices, load: Load) -> Iterator[Line]:
    zones = sizes["zones"]
    gateways = zones if sizes["nat_per_zone"] else 1
    yield _line(
        "NAT",
        gateways * prices.of("nat_hour") * prices.hours + load.nat_gb * prices.of("nat_gb"),
        f"{gateways} gateway{'s' if gateways > 1 else ''}, {load.nat_gb} GB",
    )
    yield _line(
        "ALB",
        (prices.of("alb_hour") + load.lcus * prices.of("alb_lcu_hour")) * prices.hours,
        f"one load balancer, {load.lcus} capacity units on average",
    )
    yield _line(
        "WAF",
        prices.of("waf_acl")
        + WAF_RULES * prices.of("waf_rule")
        + load.million_requests * prices.of("waf_million_requests"),
        f"{WAF_RULES} rules, {load.million_requests} million requests",
    )
    addresses = gateways + zones
    yield _line(
        "Public addresses",
        addresses * prices.of("public_ipv4_hour") * prices.hours,
        f"{addresses} IPv4: each NAT gateway, the load balancer in each zone",
    )
    if sizes["private_endpoints"]:
        endpoints = ENDPOINTS * zones
        yield _line(
            "Private endpoints",
            endpoints * prices.of("endpoint_hour") * prices.hours,
            f"{ENDPOINTS} AWS APIs in {zones} zones",
        )


def _rest(prices: Prices, load: Load) -> Iterator[Line]:
    yield _line("KMS", KEYS * prices.of("kms_key"), f"{KEYS} keys, one for each kind of data")
    yield _line("Secrets Manager", SECRETS * prices.of("secret"), f"{SECRETS} secrets")
    yield _line(
        "CloudWatch",
        load.logs_gb * prices.of("logs_gb") + ALARMS * prices.of("alarm"),
        f"{load.logs_gb} GB of logs, {ALARMS} alarms",
    )
    yield _line(
        "S3", load.objects_gb * prices.of("s3_gb"), f"{load.objects_gb} GB: heads, backups, dashboard"
    )


def _line(component: str, usd: Decimal, counted: str) -> Line:
    return Line(component, usd.quantize(Decimal("0.01"), ROUND_HALF_UP), counted)
