"""Reconciliation: our books against a custodian's statement."""
