"""Faults under load: what breaks, what must hold all the same, and how long it takes until all is well."""
