"""The Python client of Crypto OMS: `api.client.client.Client`, and `api.client.async_client.AsyncClient`.

docs/client.md is its guide.
"""
