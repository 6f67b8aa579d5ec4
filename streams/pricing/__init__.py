"""Index and mark price: what a market is held to be worth, from outside and from its own book."""
