"""Who may come in: users, clients, API keys, and the issuer of tokens (docs/identity.md)."""
