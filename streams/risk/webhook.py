"""Alerts to the outside: one signed HTTP request each, tried again with growing pauses, at last given up.

The receiver checks ``OMS-Signature``: ``t=<seconds since 1970>,v1=<hex>``, where v1 is HMAC-SHA-256 with the
shared secret over ``<t>.<body>``. The body names the alert's id: one that comes twice (its answer was lost)
is the same alert.
"""

import hashlib
import hmac
import logging
import threading
import time
from dataclasses import dataclass, field

import httpx
import msgspec
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from streams.risk.tables import Alert

log = logging.getLogger(__name__)

SIGNATURE = "OMS-Signature"
LOOK_S = 0.5


@dataclass(frozen=True)
class WebhookConfig:
    """Where alerts go, and how patiently. The pause after a failed try doubles from ``again_ms_min``."""

    url: str
    secret: str = field(repr=False)
    attempts_max: int = 10
    again_ms_min: int = 1_000
    again_ms_max: int = 300_000
    answer_ms_max: int = 5_000


def signature(secret: str, body: bytes, at_s: int) -> str:
    """Return the header's value."""
    mac = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256)
    return f"t={at_s},v1={mac.hexdigest()}"


def verified(secret: str, body: bytes, header: str, now_s: int, age_s_max: int = 300) -> bool:
    """Whether the header fits the body, and is not older than ``age_s_max``: as a receiver checks it."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    at = parts.get("t", "")
    if not at.isdigit() or abs(now_s - int(at)) > age_s_max:
        return False
    return hmac.compare_digest(signature(secret, body, int(at)), header)


def body_of(alert: Alert) -> bytes:
    return msgspec.json.encode(
        {
            "id": alert.alert_id,
            "number": alert.number,
            "kind": alert.kind,
            "severity": alert.severity,
            "account": alert.account,
            "symbol": alert.symbol,
            "message": alert.message,
            "breach_id": alert.breach_id,
            "event_id": alert.event_id,
            "evidence": alert.evidence,
            "created_at_us": alert.created_at_us,
        }
    )


class WebhookSender(threading.Thread):
    """Sends what is due, one at a time. Several workers share the work: a row is locked meanwhile."""

    def __init__(self, config: WebhookConfig, engine: Engine) -> None:
        super().__init__(name="webhook", daemon=True)
        self.config = config
        self.engine = engine
        self.over = threading.Event()
        self._http = httpx.Client(timeout=config.answer_ms_max / 1000)

    def stop(self) -> None:
        self.over.set()

    def run(self) -> None:
        while not self.over.wait(LOOK_S):
            try:
                while self.send_one() and not self.over.is_set():
                    pass
            except SQLAlchemyError as error:
                log.warning("Cannot look for alerts to send: %s", error)
        self._http.close()

    def send_one(self) -> bool:
        """Send the alert that has been due for longest. Return whether there was one."""
        now_us = time.time_ns() // 1_000
        due = (
            select(Alert)
            .where(Alert.next_try_us.is_not(None), Alert.next_try_us <= now_us)
            .order_by(Alert.next_try_us, Alert.number)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        with Session(self.engine) as session, session.begin():
            alert = session.scalars(due).first()
            if alert is None:
                return False
            self._settle(alert, self._deliver(alert))
        return True

    def _deliver(self, alert: Alert) -> str:
        """Return what went wrong; empty: nothing."""
        body = body_of(alert)
        header = signature(self.config.secret, body, int(time.time()))
        try:
            answer = self._http.post(
                self.config.url,
                content=body,
                headers={"Content-Type": "application/json", SIGNATURE: header},
            )
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"
        return "" if answer.is_success else f"status {answer.status_code}"

    def _settle(self, alert: Alert, error: str) -> None:
        alert.attempts += 1
        now_us = time.time_ns() // 1_000
        if not error:
            alert.delivered_at_us, alert.next_try_us = now_us, None
            return
        if alert.attempts >= self.config.attempts_max:
            alert.next_try_us = None
            log.error("Alert %s is given up after %d tries: %s", alert.alert_id, alert.attempts, error)
            return
        pause_ms = min(self.config.again_ms_min * 2 ** (alert.attempts - 1), self.config.again_ms_max)
        alert.next_try_us = now_us + pause_ms * 1_000
        log.warning("Alert %s, try %d: %s; again in %d ms", alert.alert_id, alert.attempts, error, pause_ms)
