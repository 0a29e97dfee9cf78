"""Pages: templates filled with what the API's own functions answer, under a policy that lets nothing else run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from query_api.access import COOKIE, Caller, csrf_token
from query_api.grafana import grafana_url
from query_api.links import session_url, user_url
from query_api.service import service_of
from query_api.times import NotATime, now_ns, parse_zone
from query_api.ui import assets, formats

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No inline scripts or styles, nothing from elsewhere: what came in a prompt stays text, whatever we forget."""

ZONE_COOKIE = "zone"
THEME_COOKIE = "theme"
_THEMES = ("light", "dark")
_YEAR_SECONDS = 365 * 86_400
_FILTERS = (
    formats.money, formats.exact_money, formats.tokens, formats.count, formats.decimal, formats.share,
    formats.duration, formats.ago, formats.clock, formats.day, formats.both_clocks, formats.shown, formats.shortened,
)  # fmt: skip

Parameter = str | int | Sequence[str] | None


@dataclass(frozen=True, slots=True)
class View:
    """Who looks, at which address, and what a template has to know besides its data."""

    request: Request
    caller: Caller | None  # nobody yet on the login page, and maybe on an error page
    now_ns: int
    zone: ZoneInfo
    theme: str  # empty: as the system has it

    @property
    def path(self) -> str:
        return self.request.url.path

    @property
    def project(self) -> str | None:
        """Where addresses have to name it."""
        return self.caller.named if self.caller is not None else None

    @property
    def reads_content(self) -> bool:
        return self.caller is not None and "content" in self.caller.scopes

    @property
    def may_change(self) -> bool:
        return self.caller is not None and "admin" in self.caller.scopes

    @property
    def logged_in(self) -> bool:
        return self.caller is not None and COOKIE in self.request.cookies

    @property
    def csrf(self) -> str:
        cookie = self.request.cookies.get(COOKIE)
        return csrf_token(cookie, service_of(self.request).secret) if cookie is not None else ""

    def values(self, name: str) -> list[str]:
        """Of one parameter of this address."""
        return self.request.query_params.getlist(name)

    def address(self, changes: Mapping[str, Parameter], path: str | None = None) -> str:
        """This view with some parameters changed, or without those that are None; whole, and from its first page on."""
        kept = [
            (name, value)
            for name, value in self.request.query_params.multi_items()
            if name not in changes and name not in ("cursor", "part")
        ]
        return _address(self.path if path is None else path, kept + _pairs(changes))

    def to(self, path: str, parameters: Mapping[str, Parameter] | None = None) -> str:
        """Another page of the same project."""
        return _address(path, _pairs({"project": self.project} | dict(parameters or {})))

    def session(self, session_id: str) -> str:
        return session_url(session_id, self.project)

    def user(self, user_id: str) -> str:
        return user_url(user_id, self.project)

    def dashboard(self, name: str, session: str = "", trace: str = "") -> str | None:
        """The same in Grafana, where there is one."""
        if self.caller is None:
            return None
        settings = service_of(self.request).settings
        return grafana_url(settings, name, self.caller.project, session=session, trace=trace)


def view_of(request: Request, caller: Caller | None) -> View:
    theme = request.cookies.get(THEME_COOKIE, "")
    return View(request, caller, now_ns(), zone_of(request), theme if theme in _THEMES else "")


def zone_of(request: Request) -> ZoneInfo:
    """The viewer's, once the browser has told."""
    try:
        return parse_zone(request.cookies.get(ZONE_COOKIE, "UTC"))
    except NotATime:
        return parse_zone("UTC")


# With no-referrer, which is what other answers say, browsers would send forms as if from nowhere.
def render(view: View, template: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    body = templates().get_template(template).render(view=view, **context)
    headers = {"content-security-policy": POLICY, "cache-control": "no-store", "referrer-policy": "same-origin"}
    return HTMLResponse(body, status, headers)


def remember(response: Response, name: str, value: str) -> None:
    """A wish about how pages look, for a year; the pages' script writes such cookies too."""
    response.set_cookie(name, value, max_age=_YEAR_SECONDS, samesite="strict")


@cache
def templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {each.__name__: each for each in _FILTERS}
    environment.globals |= {"asset": assets.address}
    return environment


def _pairs(parameters: Mapping[str, Parameter]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in parameters.items():
        if isinstance(value, str | int):
            pairs.append((name, str(value)))
        elif value is not None:
            pairs += [(name, each) for each in value]
    return pairs


def _address(path: str, pairs: list[tuple[str, str]]) -> str:
    return path + (f"?{urlencode(pairs)}" if pairs else "")
