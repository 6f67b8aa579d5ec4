"""Who is asking: tokens of ours and of other issuers, and requests that an API key signed."""
