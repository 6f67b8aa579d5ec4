"""Every setting and every bound of the system, in one place; names end in their unit.

Each can be set by an environment variable: `OMS_KAFKA_PORT=9092`, `OMS_POSTGRES_DSN=...`.
"""

import json
import re
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from stack import addresses
from stack.ports import HOST, free_ports

CHECKOUT = Path(__file__).resolve().parent.parent
PASSWORD_FILE = "postgres-password"  # noqa: S105 - a file's name
TOKEN_SECRET_FILE = "token-secret"  # noqa: S105 - a file's name
HEAD_KEY_FILE = "head-signing-key"
IDENTITY_KEY_FILE = "identity-key"
RISK_WEBHOOK_SECRET_FILE = "risk-webhook-secret"  # noqa: S105 - a file's name
SETTINGS_FILE = "settings.json"
PROCESSORS_MAX = 16
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")

PORTS = (
    "postgres_port",
    "kafka_port",
    "kafka_controller_port",
    "redis_port",
    "mongo_port",
    "command_api_port",
    "query_api_port",
    "market_data_port",
    "identity_port",
    "dashboard_port",
)


def kept_secret(folder: Path, name: str) -> str:
    """Reuse the secret this folder was made with, else think of one."""
    kept = folder / name
    return kept.read_text().strip() if kept.exists() else secrets.token_hex(32)


def password_of(folder: Path) -> str:
    return kept_secret(folder, PASSWORD_FILE)


class Settings(BaseSettings):
    """What the stack and its services are told. Frozen: a running service's settings never move."""

    model_config = SettingsConfigDict(env_prefix="OMS_", frozen=True, extra="ignore")

    # --- Where things are -----------------------------------------------------------------------
    folder: Annotated[Path, AfterValidator(Path.absolute)] = CHECKOUT / ".stack"
    """Data, logs, sockets and pid files of the local stack."""
    servers: Literal["auto", "docker", "local"] = "auto"
    """Docker where an engine answers, else child processes; or force either."""

    # Not the servers' usual ports, so that what runs on this machine already is left alone.
    postgres_port: int = 15432
    kafka_port: int = 19092
    kafka_controller_port: int = 19093
    redis_port: int = 16379
    mongo_port: int = 17017
    command_api_port: int = 8001
    query_api_port: int = 8002
    market_data_port: int = 8003
    identity_port: int = 8004
    dashboard_port: int = 8080

    # Elsewhere, as on AWS, a store has its host, user, and an authority that proves it (stack/addresses.py).
    postgres_host: str = HOST
    postgres_user: str = "oms"
    postgres_password: str = Field(default_factory=lambda known: password_of(known["folder"]), repr=False)
    postgres_database: str = "oms"
    postgres_ca: str = ""
    """Empty: no TLS. A file (PEM) of authorities, or `system` for the machine's own: TLS, with the name
    proved. The same for the other stores."""
    kafka_host: str = HOST
    kafka_brokers: str = ""
    """`host:port,host:port` where there are several; in place of `kafka_host` and `kafka_port`."""
    kafka_user: str = ""
    """With one, clients use SCRAM-SHA-512 over TLS."""
    kafka_password: str = Field(default="", repr=False)
    kafka_ca: str = "system"
    redis_host: str = HOST
    redis_user: str = ""
    redis_password: str = Field(default="", repr=False)
    redis_ca: str = ""
    mongo_host: str = HOST
    mongo_user: str = ""
    mongo_password: str = Field(default="", repr=False)
    mongo_ca: str = ""

    # What the services connect to follows from these, unless it is given whole.
    postgres_dsn: str = Field(default_factory=addresses.postgres, repr=False)
    kafka_bootstrap: str = Field(default_factory=addresses.kafka, repr=False)
    redis_url: str = Field(default_factory=addresses.redis, repr=False)
    mongo_url: str = Field(default_factory=addresses.mongo, repr=False)

    mongo_database: str = "oms"

    # --- Shape of the system --------------------------------------------------------------------
    shards: int = Field(default=1, ge=1, le=256)
    """Partitions of the topic `orders`: each is decided by one processor. It may grow, never shrink."""
    processors: int = Field(default=1, ge=1, le=PROCESSORS_MAX)
    """Order processors on this machine; Kafka deals the shards out to them."""

    topic_partitions: int = Field(default=4, ge=1, le=1_024)
    """Of each topic of events: how many workers can share it at most."""
    topic_replicas: int = Field(default=1, ge=1, le=5)
    topic_retention_days: int = 7
    """The store keeps everything; Kafka only what its consumers may still need."""
    dead_letters_retention_days: int = 30
    dead_letters_bytes_max: int = 1_000_000_000
    """Of each partition of the topic `dead-letters`; the oldest go first."""

    compiled_domain: bool = True
    """Run the domain as machine code where a C compiler is there; off: the Python sources, as one edits."""

    # --- Order processor ------------------------------------------------------------------------
    processor_instance: str = "order-processor-0"
    """A processor's own name, kept over restarts; no two that run may share it."""
    standby: bool = False
    """Run one processor more, `standby-processor`, which takes over when another one dies for good."""
    batch_commands_max: int = 2_000
    """Commands that share one commit, at most."""
    ids_expected: int = 10_000_000
    """Used ids the in-memory filter is made for; beyond, the store is asked more often."""

    snapshot_events: int = Field(default=100_000, ge=1)
    """Events after which a shard's memory is written down, so that a restart need not replay them."""
    snapshot_interval_ms_min: int = 30_000
    """No sooner than so long after the last snapshot was begun."""
    snapshot_write_ms_max: int = 300_000
    """After so long the child that writes one is killed."""

    courier_again_ms_min: int = Field(default=1_000, ge=10)
    """So long after it was sent, a transfer that another shard has not answered is sent again; then after
    twice as long, and so on."""
    courier_again_ms_max: int = Field(default=60_000, ge=10)
    """At least so often it is sent again."""

    # --- Auditor --------------------------------------------------------------------------------
    heads: Path = Field(default_factory=lambda known: known["folder"] / "heads")
    """Signed heads of the hash chain and the public key: keep this folder outside the database's reach."""
    head_signing_key: str = Field(
        default_factory=lambda known: kept_secret(known["folder"], HEAD_KEY_FILE), repr=False
    )
    """The Ed25519 private key that signs heads: 32 bytes in hexadecimal."""
    head_interval_ms: int = 10_000
    """A head is signed so long after the last one at most, if there were commits."""
    head_commits_max: int = 1_000
    """Commits after which a head is signed at once."""
    head_stop_ms_max: int = 8_000
    """How long a stopping auditor waits for the processors' last commits."""

    # --- Read models ------------------------------------------------------------------------------
    cursor_life_ms: int = Field(default=900_000, ge=0)
    """How long a generation that was replaced is kept, and so how long at most a page's cursor leads on."""
    ended_kept_days: int = Field(default=0, ge=0)
    """Orders, order lists and trades that ended so long ago leave the read models; 0: they stay for ever.
    The event store keeps them in any case."""

    # --- Risk engine ------------------------------------------------------------------------------
    risk_currency: str = "USD"
    """In which equity, concentration, value at risk and stress are told."""
    risk_bar_s: int = Field(default=3_600, ge=1, le=86_400)
    """Length of a bar of the price history behind value at risk; it has to divide a day."""
    risk_bars_max: int = Field(default=501, ge=21, le=10_000)
    """Bars kept of each market: one more than scenarios."""
    risk_collar_ppm: int = Field(default=100_000, ge=0)
    """An order priced so far beyond the market is told as an alert."""
    risk_size_multiple: int = Field(default=50, ge=2)
    """So is one worth so many times the median of the market's last 500 orders."""
    risk_halt_move_ppm: int = Field(default=100_000, ge=0)
    """A market whose mark price moves so far within `risk_halt_within_s` is halted; 0: never."""
    risk_halt_within_s: int = Field(default=60, ge=1, le=3_600)
    risk_webhook_url: str = ""
    """Where alerts are sent; empty: nowhere."""
    risk_webhook_secret: str = Field(
        default_factory=lambda known: kept_secret(known["folder"], RISK_WEBHOOK_SECRET_FILE), repr=False
    )
    """Signs what is sent there; the receiver has it as well."""
    risk_webhook_attempts_max: int = Field(default=10, ge=1, le=100)
    risk_webhook_again_ms_min: int = Field(default=1_000, ge=10)
    """The pause after a failed try; it doubles with each, up to five minutes."""

    # --- Audit ------------------------------------------------------------------------------------
    audit_index_share_percent: int = Field(default=10, ge=1, le=100)
    """Of the auditor's time that goes into the audit index, at most: under load it falls behind, and catches
    up later, or when somebody asks."""
    audit_index_events_max: int = 200_000
    """Events that one query indexes itself, where the index is behind."""
    audit_replay_wait_ms_max: int = 10_000
    """How long a query waits for a replay before it answers 503; the replay goes on."""

    # --- Prices from outside (docs/prices.md) -----------------------------------------------------
    feeds: dict[Literal["binance", "coinbase"], dict[str, str]] = Field(default_factory=dict)
    """Which venues are followed, and what each calls our markets:
    `{"binance": {"BTC-USD": "BTCUSDT"}, "coinbase": {"BTC-USD": "BTC-USD"}}`. None, and no recordings:
    there are no feeds and no mark pricer."""
    feed_addresses: dict[Literal["binance", "coinbase"], str] = Field(default_factory=dict)
    """Of venues that are to be reached elsewhere than where they serve everybody."""
    feed_recordings: dict[str, Annotated[Path, AfterValidator(Path.absolute)]] = Field(default_factory=dict)
    """Recordings that are played as if they came in now, by market of ours:
    `{"BTC-USD": "binance-btcusdt-2024-08-09.jsonl.gz"}`."""
    feed_recordings_speed: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """So many times as fast as they were made; 0: as fast as they can be read."""
    feed_recordings_repeat: bool = True
    """Begin a recording again at its end."""
    index_weights: dict[str, Annotated[int, Field(ge=1, le=1_000_000)]] = Field(default_factory=dict)
    """Of sources in the index: 1 for one that is not named."""
    index_fresh_ms: int = Field(default=5_000, ge=100)
    """A source that has said nothing for longer is left out of the index."""
    index_outlier_ppm: int = Field(default=20_000, ge=1)
    """And one that is farther from the median of all."""
    index_sources_min: int = Field(default=1, ge=1)
    """With fewer there is no index, and the mark price stays."""
    mark_band_ppm: int = Field(default=5_000, ge=0, lt=1_000_000)
    """How far from the index the mark price may follow the market's own book."""
    mark_interval_ms_min: int = Field(default=100, ge=100)
    """Between two mark prices of one market."""
    mark_valid_ms: int = Field(default=2_000, ge=100)
    """How long a mark price may wait to be decided before it is refused as stale."""

    # --- APIs -------------------------------------------------------------------------------------
    api_host: str = HOST
    """Where the APIs listen. Anywhere but on this machine alone (a pod: 0.0.0.0) only with a certificate."""
    api_certificate: Path | None = None
    api_key: Path | None = None
    """Files (PEM); with both the APIs speak HTTPS and secure WebSockets, TLS 1.3 only. `./oms certificate`
    makes some for this machine. The load generators of this machine speak plain HTTP."""
    api_proxies: int = Field(default=0, ge=0, le=8)
    """Load balancers of ours before the APIs: so many addresses at the end of `X-Forwarded-For` are true."""
    cors_origins: tuple[str, ...] = ()
    """Origins such as `https://desk.example.com`, whose pages may call the APIs from a browser; no `*`."""
    header_ms_max: int = Field(default=20_000, ge=1_000)
    """In which a client sends its headers; also how long a connection may stay silent between requests."""
    body_ms_max: int = Field(default=10_000, ge=100)
    requests_at_once_max: int = Field(default=2_048, ge=1)
    """That one API process takes on, WebSockets included; others wait to be let in."""

    # --- Rate limits (docs/SECURITY.md): tokens that come back each second, and the most there are ---
    rate_limits: bool = True
    rate_address_per_s: float = Field(default=100_000, gt=0)
    rate_address_burst: int = Field(default=200_000, ge=1)
    rate_subject_per_s: float = Field(default=1_000_000, gt=0)
    """Of who sends, the token's subject. Generous here, so that demos and benches meet no limit of ours."""
    rate_subject_burst: int = Field(default=1_000_000, ge=1)
    rate_account_per_s: float = Field(default=1_000_000, gt=0)
    rate_account_burst: int = Field(default=1_000_000, ge=1)
    rate_clients: dict[str, tuple[float, int]] = Field(default_factory=dict)
    """Subjects with their own: `{"market-maker-7": [50000, 100000]}`."""
    rate_alone_percent: int = Field(default=25, ge=1, le=100)
    """Of each limit, that a process allows by itself while Redis does not answer."""
    token_secret: str = Field(
        default_factory=lambda known: kept_secret(known["folder"], TOKEN_SECRET_FILE), repr=False
    )
    """Signs the bearer tokens; at least 32 bytes."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of load balancers whose `X-Forwarded-For` is believed: ["10.0.0.0/16"]."""
    reply_ms_max: int = 5_000
    """How long the command API waits for an outcome before it answers 202."""
    order_valid_ms: int = 10_000
    """How long an order may wait to be decided before it is refused as stale."""

    # --- Identity (docs/identity.md) ----------------------------------------------------------------
    identity_issuer: str = Field(
        default_factory=lambda known: f"http://{known['api_host']}:{known['identity_port']}"
    )
    """The address of the service `identity` as browsers and clients see it; it stands in its tokens."""
    identity_key: str = Field(
        default_factory=lambda known: kept_secret(known["folder"], IDENTITY_KEY_FILE), repr=False
    )
    """Seals the secrets of API keys and of signing keys in the database: 32 bytes in hexadecimal. The same
    for identity and all APIs; without it those secrets are lost."""
    identity_refresh_ms: int = Field(default=2_000, ge=100, le=30_000)
    """Within so long the APIs know of a revoked key or token."""
    access_token_s: int = Field(default=600, ge=60, le=900)
    refresh_idle_s: int = Field(default=86_400, ge=60)
    """A session that is not gone on with for so long ends."""
    refresh_total_s: int = Field(default=604_800, ge=60)
    """However often it is gone on with, a session ends then."""
    dashboard_redirects: tuple[str, ...] = Field(
        default_factory=lambda known: tuple(
            f"http://{host}:{known['dashboard_port']}/{page}"
            for host in (HOST, "localhost")
            for page in ("", "callback")
        )
    )
    """Where signing in to the dashboard goes back to."""
    external_issuer: str = ""
    """Another OpenID Connect provider whose tokens are taken as well; empty: none."""
    external_audience: str = ""
    external_audience_claim: str = "aud"
    external_jwks_url: str = ""
    """Empty: where the issuer's own configuration says."""
    external_roles_claim: str = "roles"
    external_accounts_claim: str = "accounts"
    external_role_names: dict[str, str] = Field(default_factory=dict)
    """What a group of theirs is here: {"oms-traders": "trader"}."""
    # --- Market data --------------------------------------------------------------------------------
    stream_connections_max: int = Field(default=10_000, ge=1)
    """WebSockets of one market-data process; what else bounds them: api/market_data/bounds.py."""
    stream_connections_per_address_max: int = Field(default=2_000, ge=1)
    """From one client's address, or from the load balancer's where that hides them."""
    stream_send_bytes_max: int = Field(default=4_194_304, ge=65_536)
    """Messages kept for a client that does not read; beyond it, it is closed."""
    stream_ring_messages_max: int = Field(default=2_000, ge=1)
    """Of each channel and symbol, kept for clients that come back."""

    # --- Bringing the stack up and down -----------------------------------------------------------
    docker_answer_ms_max: int = 2_000
    server_ready_ms_max: int = 90_000
    service_ready_ms_max: int = 60_000
    prepare_ms_max: int = 60_000
    stop_ms_max: int = 60_000
    """All of it together; each program also has its own bound, after which it is killed."""
    log_bytes_max: int = 10_000_000
    """Of one log file, before it is rotated."""
    log_files_max: int = 3

    @model_validator(mode="after")
    def _others_only_by_tls(self) -> Self:
        """Tokens and orders never cross a network in the clear."""
        if (self.api_certificate is None) != (self.api_key is None):
            raise ValueError("api_certificate and api_key belong together: set both or none")
        if self.api_host != HOST and self.api_certificate is None:
            raise ValueError(
                f"api_host {self.api_host} can be reached by others: set api_certificate and api_key as well"
            )
        return self

    @model_validator(mode="after")
    def _origins_are_named(self) -> Self:
        """Any page at all could otherwise use the token of who looks at it."""
        for origin in self.cors_origins:
            if not ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"cors_origins has {origin!r}; an origin is such as https://desk.example.com"
                )
        return self

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Read what the stack running in `folder` (else in `OMS_FOLDER`, else in the checkout) wrote.

        Where none ever ran, as in a container, the environment and the defaults are all there is.
        """
        folder = folder or cls().folder
        path = folder / SETTINGS_FILE
        written: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return cls(**{**written, "folder": folder})

    @classmethod
    def with_free_ports(cls, folder: Path, **others: Any) -> Self:
        """Make settings for a stack beside the others on this machine, as tests want it."""
        ports: dict[str, Any] = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        return cls(**{"folder": folder, "postgres_password": password_of(folder), **ports, **others})

    def save(self) -> None:
        """Write what differs from the defaults, for `load`; the password makes it the owner's alone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        set_or_needed = self.model_fields_set | {*PORTS, "servers", "shards", "processors"}
        written = self.model_dump(mode="json", include=set_or_needed - {"folder"})
        write_private(self.folder / PASSWORD_FILE, self.postgres_password)
        write_private(self.folder / TOKEN_SECRET_FILE, self.token_secret)
        write_private(self.folder / HEAD_KEY_FILE, self.head_signing_key)
        write_private(self.folder / IDENTITY_KEY_FILE, self.identity_key)
        write_private(self.folder / RISK_WEBHOOK_SECRET_FILE, self.risk_webhook_secret)
        write_private(self.folder / SETTINGS_FILE, json.dumps(written, indent=2))


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step, readable by its owner only from the first byte on."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)
