"""Who is asking: proved in ``api.authentication``, told to the routes as an ``Identity``. What they may do,
``api.permissions`` says.
"""

from api.authentication.identity import Identity, Role
from api.authentication.middleware import bearer_tokens
from api.authentication.tokens import check_token, mint_token

__all__ = ["Identity", "Role", "bearer_tokens", "check_token", "mint_token"]
