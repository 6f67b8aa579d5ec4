"""The page that each problem's ``type`` leads to: every code, what it means, and what to do."""

from html import escape

from litestar import MediaType, get

from api.problems import PROBLEMS

PATH = "/docs/problems"
OPEN_PATH = "^/docs/problems$"
"""Who was refused for want of a token may read why."""


def _entry(code: str) -> str:
    reason = PROBLEMS[code]
    return (
        f'<h2 id="{code}"><code>{code}</code></h2>'
        f"<p>{escape(reason.meaning)}</p><p>What to do: {escape(reason.remedy)}</p>"
    )


@get(PATH, operation_id="problems", media_type=MediaType.HTML, sync_to_thread=False, include_in_schema=False)
def problems_page() -> str:
    """Tell of every problem this API answers with."""
    entries = "".join(_entry(code) for code in sorted(PROBLEMS))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Problems</title>'
        f"<h1>Problems</h1>{entries}</html>"
    )
