"""Who may see the page: tokens, names of hosts, and what browsers are told."""

import hmac
import ipaddress
import re
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mvot_pipelines.serve.streams import read_key
from mvot_plugin.errors import UsageError

__all__ = ["MAY_SEE", "Access", "choose_token", "is_loopback"]

MAY_SEE = "mvot.may_see"
"""The key of a request's scope that says whether the client may see what is served."""

_TOKEN = re.compile(r"[A-Za-z0-9_.~-]{16,256}")
_METHODS = ("GET", "HEAD")
_OPEN_PATH = "/healthz"
"""Says nothing but whether frames come to those who may not see more."""
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; connect-src 'self'; img-src 'self'; "
    "script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_NO_TOKEN = "This page needs a token: open the address that was printed when it began.\n"


def is_loopback(address: str) -> bool:
    """Whether an address is one that other machines cannot reach; False for a name."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def choose_token(token: str | None, address: str) -> str | None:
    """The given token; a new one where others can reach the address and none is given.

    Raises ``UsageError`` for a token that is short, or has characters that URLs need escaped.
    """
    if token is None:
        return None if is_loopback(address) else secrets.token_urlsafe()
    if _TOKEN.fullmatch(token) is None:
        raise UsageError(
            "--serve-token must have 16 to 256 characters, letters, digits or any of -_.~; leave "
            "it out to have one made"
        )
    return token


class Access:
    """Lets those in that may see what an application serves, for reading only.

    With a token, requests bring it as ``?token=`` or ``Authorization: Bearer``, or the cookie that
    the page sets in return. Without one, the ``Host`` must be this machine, so that a page from
    elsewhere cannot read this one under a name of its own that it leads here (DNS rebinding).

    Args:
        app: what serves.
        token: the token, if one is needed.
        host: the name that the server was told to listen on.
        port: its port; cookies are shared by all ports of a machine.
    """

    def __init__(self, app: ASGIApp, token: str | None, host: str, port: int) -> None:
        self._app, self._token, self._host = app, token, host.lower()
        self._cookie = f"mvot-{port}"
        self._key = hmac.digest((token or "").encode(), b"cookie", "sha256").hex()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope)
        refused = self._refuse(request)
        scope[MAY_SEE] = refused is None
        # request.url is made of the Host, which the client chooses
        is_open = scope["path"] == _OPEN_PATH and request.method in _METHODS
        app: ASGIApp = self._app if refused is None or is_open else refused

        async def send_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await app(scope, receive, send_headers)

    def _refuse(self, request: Request) -> Response | None:
        """The answer to a request that the application need not see."""
        if request.method not in _METHODS:
            return PlainTextResponse("Only GET and HEAD.\n", 405, {"allow": ", ".join(_METHODS)})
        if self._token is None:
            is_here = self._is_this_machine(request.headers.get("host", ""))
            return None if is_here else PlainTextResponse("Not a name of this machine.\n", 421)
        given = request.query_params.get("token")
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if given is not None and request.scope["path"] == "/" and _is_same(given, self._token):
            key = read_key(request.scope["query_string"])
            rest = "" if key is None else f"?stream={key}"
            answer = RedirectResponse(f"./{rest}", 303)  # the token leaves the address
            answer.set_cookie(self._cookie, self._key, httponly=True, samesite="lax")
            return answer
        may_enter = (
            _is_same(given or bearer, self._token)
            or _is_same(request.cookies.get(self._cookie, ""), self._key)
        )  # fmt: skip
        challenge = {"www-authenticate": "Bearer"}
        return None if may_enter else PlainTextResponse(_NO_TOKEN, 401, challenge)

    def _is_this_machine(self, header: str) -> bool:
        """Whether a ``Host`` header names this machine by a name that nobody else can give it."""
        try:
            name = urlsplit(f"//{header}").hostname or ""
        except ValueError:
            return False
        return name in ("localhost", self._host) or is_loopback(name)


def _is_same(given: str, secret: str) -> bool:
    """Compare in a time that does not tell how much of it is right."""
    return hmac.compare_digest(given.encode(errors="replace"), secret.encode())
