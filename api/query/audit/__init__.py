"""The auditor's part of the query API: histories, causes, time travel, and the record of who looked."""

from api.query.audit.as_of import AuditAsOf
from api.query.audit.histories import Audit

CONTROLLERS = (Audit, AuditAsOf)
