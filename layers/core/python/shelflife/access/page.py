"""The page that asks for a token: it loads nothing, and works without scripts.

Its one script keeps what stands behind `#` in the address, so that a link to a run still leads there.
"""

import base64
import hashlib
from html import escape

from shelflife.contracts.access import Principal

_SCRIPT = "for(const form of document.forms)form.action+=location.hash"
_STYLE = """
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #ffffff; --ink: #17202b; --soft: #5a6675;
  --rule: #c3ccd6; --act: #1f5fc4; --on-act: #ffffff; --bad: #b3261e; --bad-soft: #fdecea; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #10151c; --card: #18202a; --ink: #e8edf3; --soft: #9aa8b8; --rule: #3d4957;
    --act: #6ea8ff; --on-act: #10151c; --bad: #ff8a80; --bad-soft: #3a1f20; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 24px;
  background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 420px; padding: 32px; background: var(--card);
  border: 1px solid var(--rule); border-radius: 10px; }
h1 { margin: 0 0 4px; font-size: 22px; }
p { margin: 0 0 20px; color: var(--soft); }
label { display: block; font-weight: 600; margin-bottom: 6px; }
input { width: 100%; font: inherit; padding: 10px 12px; color: inherit; background: var(--ground);
  border: 1px solid var(--rule); border-radius: 6px; }
button { width: 100%; margin-top: 16px; font: inherit; font-weight: 600; padding: 10px; cursor: pointer;
  color: var(--on-act); background: var(--act); border: 0; border-radius: 6px; }
input:focus-visible, button:focus-visible, a:focus-visible {
  outline: 3px solid var(--act); outline-offset: 2px; }
a { color: var(--act); }
.bad { color: var(--bad); background: var(--bad-soft); border-radius: 6px; padding: 8px 12px;
  margin-bottom: 16px; }
small { display: block; margin-top: 16px; color: var(--soft); }
code { font-size: 0.95em; }
"""
_SIGN_IN = """
<h1>shelflife</h1>
<p>Experiments, models, prompts and traces</p>
{fault}<form method="post" action="sign-in">
<label for="token">API token</label>
<input id="token" name="token" type="password" required autofocus autocomplete="current-password"
 spellcheck="false" aria-describedby="hint">
<button>Sign in</button>
<small id="hint">It begins with <code>shl_</code>; an admin makes one. You stay signed in 12 hours.</small>
</form>
"""
_SIGNED_IN = """
<h1>shelflife</h1>
<p>Signed in as {name}, {role}</p>
<a href="./">Experiments, models, prompts and traces</a>
<form method="post" action="sign-out"><button>Sign out</button></form>
"""
_FAULT = '<p class="bad" role="alert">{fault}</p>\n'


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


#: Nothing but what is in the page itself, and nobody's frame.
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def sign_in_page(fault: str = "") -> str:
    """Asks for a token, and says what was wrong with the last one."""
    return _page(_SIGN_IN.format(fault=_FAULT.format(fault=escape(fault)) if fault else ""))


def signed_in_page(principal: Principal) -> str:
    """Says who is signed in, and lets them out."""
    return _page(_SIGNED_IN.format(name=escape(principal.name), role=principal.role.value))


def _page(content: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>Sign in: shelflife</title>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>{content}</main>\n<script>{_SCRIPT}</script>\n"
        "</body>\n</html>\n"
    )
