"""Risk, as pure calculations: what an account has at stake, what it lost today, what it may lose, and which
limits that breaks. No I/O, no clock. Formulas and their sources: docs/RISK.md.
"""
