"""Load: plays orders, real or made up, through the command API, and proves what came of them."""
