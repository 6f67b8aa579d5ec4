"""Read models: pure folds of events into documents, and the stores that answer questions from them.

A module per question: ``markets`` (what can be traded, by which rules), ``orders`` (what became of my order),
``balances`` (what do I have), ``positions`` (what did trading make of it), ``limits`` (what may I do at
most), ``books`` (what is bid and asked), ``trades`` (what was traded), ``trade_changes`` (what of that was
busted or corrected), ``transfers`` (what became of my withdrawal), ``ledger`` (do the books balance),
``accounts`` and ``venue`` (who may do what at present).
``registry.py`` lists them; ``folding.py`` folds; ``store.py`` writes.
"""
