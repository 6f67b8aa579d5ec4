"""The page on which a user signs in: one form, no script, and nothing from elsewhere."""

from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

STYLE = """
:root { color-scheme: light dark; --ink: #14181f; --soft: #566072; --paper: #f3f5f8; --card: #fff;
  --line: #c3cad5; --act: #0b5fff; --on-act: #fff; --bad: #a4161a; --bad-paper: #fdecec; }
@media (prefers-color-scheme: dark) { :root { --ink: #eef1f6; --soft: #a3adbd; --paper: #0e1116;
  --card: #171c24; --line: #3a4454; --act: #7aa7ff; --on-act: #0b1220;
  --bad: #ffb4b4; --bad-paper: #3a1517; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; padding: 1rem; }
main { width: 100%; max-width: 24rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .75rem; padding: 2rem; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; }
p { margin: 0 0 1.25rem; color: var(--soft); }
label { display: block; font-weight: 600; margin: 0 0 .35rem; }
input { width: 100%; font: inherit; color: inherit; background: transparent; padding: .6rem .7rem;
  margin: 0 0 1.1rem; border: 1px solid var(--line); border-radius: .45rem; }
button { width: 100%; font: inherit; font-weight: 600; padding: .7rem; border: 0; border-radius: .45rem;
  background: var(--act); color: var(--on-act); cursor: pointer; }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
[role=alert] { color: var(--bad); background: var(--bad-paper); border: 1px solid currentColor;
  border-radius: .45rem; padding: .6rem .7rem; }
ul { margin: 0 0 1.25rem; padding-left: 1.2rem; color: var(--soft); }
"""

SCOPE_MEANINGS = {
    "read": "see your orders, balances and trades",
    "trade": "place and cancel orders for your accounts",
    "withdraw": "withdraw and transfer funds of your accounts",
    "admin": "do what else your roles allow",
}


def form(fields: Sequence[tuple[str, str]], client: str, scope: str, name: str = "", error: str = "") -> str:
    """Return the page. ``fields``: what the form carries along, unseen."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(field)}" value="{escape(value)}">' for field, value in fields
    )
    wanted = "".join(f"<li>{SCOPE_MEANINGS[one]}</li>" for one in scope.split() if one in SCOPE_MEANINGS)
    alert = f'<p role="alert" id="error">{escape(error)}</p>' if error else ""
    invalid = ' aria-invalid="true" aria-describedby="error"' if error else ""
    focus = ("", " autofocus") if name else (" autofocus", "")
    return _page(
        "Sign in",
        f"<p><strong>{escape(client)}</strong> asks to:</p><ul>{wanted}</ul>{alert}"
        f'<form method="post">{hidden}'
        f'<label for="name">Name</label><input id="name" name="name" autocomplete="username" required'
        f' maxlength="64" autocapitalize="none" spellcheck="false" value="{escape(name)}"{focus[0]}{invalid}>'
        f'<label for="password">Password</label><input id="password" name="password" type="password"'
        f' autocomplete="current-password" required maxlength="256"{focus[1]}{invalid}>'
        "<button>Sign in</button></form>",
    )


def refusal(detail: str) -> str:
    """Return the page for a request that must not lead on to where it says."""
    return _page("This cannot go on", f'<p role="alert">{escape(detail)}</p><p>Go back, and begin again.</p>')


def headers(nonce: str, redirect_uri: str = "") -> dict[str, str]:
    """Return what keeps the page out of caches, frames and other people's hands."""
    parts = urlsplit(redirect_uri)
    back = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'{back};"
            " frame-ancestors 'none'; base-uri 'none'"
        ),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


NONCE = "@nonce@"
"""Where the page's style names the nonce of its answer."""


def _page(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title} - Crypto OMS</title><style nonce="{NONCE}">{STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{content}</main></body></html>"
    )
