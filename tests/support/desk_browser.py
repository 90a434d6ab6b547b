"""A browser without pictures for the desk: opens pages, reads their words, fills their forms in as a person does."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin, urlsplit

from flask import Flask
from jinja2 import FileSystemBytecodeCache
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from hub import create_app
from hub.desk.base.gate import Gate
from hub.served import Office
from hub.service import Hub

FORM_KEY: Final = "form_key"
COMPILED: Final = FileSystemBytecodeCache(os.environ["XDG_RUNTIME_DIR"])
"""Each test makes an app of its own; compiling every template again would take most of its time."""

_VOID: Final = {"meta", "link", "input", "br", "img", "circle", "path", "rect", "hr"}


@dataclass
class Form:
    """A form as it stands on a page: where it goes, and what is in its fields before anybody types."""

    action: str
    method: str
    fields: MultiDict[str, str] = field(default_factory=MultiDict)
    offered: dict[str, list[str]] = field(default_factory=dict)
    """Values of the options of each select, and of the check boxes and buttons of each name."""
    buttons: set[str] = field(default_factory=set)
    """Names of the buttons: what a pressed one is called is sent behind all fields, also behind one of that name."""

    @property
    def keys(self) -> list[str]:
        """The hidden keys that guard against forged forms."""
        return [name for name in self.fields if name.endswith(FORM_KEY)]


@dataclass
class Page:
    """What an answer shows."""

    status: int
    path: str
    html: str
    headers: dict[str, str]
    forms: list[Form] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The words on it, spaces joined."""
        return re.sub(r"\s+", " ", " ".join(self.pieces)).strip()

    def form(self, ending: str) -> Form:
        """Return the one form that posts to an address with this ending."""
        found = [form for form in self.forms if form.action.endswith(ending) and form.method == "POST"]
        assert len(found) == 1, (ending, [form.action for form in self.forms])
        return found[0]


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__(convert_charrefs=True)
        self.page = page
        self.form: Form | None = None
        self.select = ""
        self.textarea = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.page.tags.append((tag, given))
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "a" and given.get("href"):
            self.page.links.append(urljoin(self.page.path, given["href"] or ""))
        elif tag == "form":
            action = urljoin(self.page.path, given.get("action") or self.page.path)
            self.form = Form(action, (given.get("method") or "get").upper())
            self.page.forms.append(self.form)
        elif self.form is not None:
            self._field(tag, given, self.form)

    def _field(self, tag: str, given: dict[str, str | None], form: Form) -> None:
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "input" and given.get("type") == "checkbox":
            form.offered.setdefault(name, []).append(value)
            if "checked" in given:
                form.fields.add(name, value)
        elif tag == "input" and name:
            form.fields.add(name, value)
        elif tag == "button" and name:
            form.offered.setdefault(name, []).append(value)
            form.buttons.add(name)
        elif tag == "select":
            self.select = name
        elif tag == "option":
            first = self.select not in form.offered
            form.offered.setdefault(self.select, []).append(value)
            if first or "selected" in given:
                form.fields[self.select] = value
        elif tag == "textarea":
            self.textarea = name
            form.fields[name] = ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag, (self.page.path, tag)
        if tag == "form":
            self.form = None
        elif tag == "textarea":
            self.textarea = ""

    def handle_data(self, data: str) -> None:
        self.page.pieces.append(data)
        if self.textarea and self.form is not None:
            self.form.fields[self.textarea] += data.removeprefix("\r\n")


class Desk:
    """Somebody at the desk: a browser with its cookies, signed in unless told otherwise."""

    def __init__(
        self, hub: Hub, *, signed_in: bool = True, app: Flask | None = None, office: Office | None = None
    ) -> None:
        self.hub, self.gate = hub, Gate(hub.random_bytes)
        self.app = app or create_app(hub, self.gate, office)
        self.app.jinja_env.bytecode_cache = COMPILED
        self.client = self.app.test_client()
        if signed_in:
            self.sign_in()

    @property
    def link(self) -> str:
        """Where the sign-in link leads."""
        return f"/desk/sign-in?key={self.gate.unused_key}"

    def sign_in(self) -> Page:
        """Open the link and press its button."""
        return self.submit(self.get(self.link), "/desk/sign-in", operator="3")

    def twin(self) -> Desk:
        """Return the same browser a moment before: what a second click sends does not wait for the first answer."""
        name = self.app.config["SESSION_COOKIE_NAME"]
        cookie = self.client.get_cookie(name, path="/desk")
        assert cookie is not None
        other = Desk(self.hub, signed_in=False, app=self.app)
        other.client.set_cookie(name, cookie.value, path="/desk")
        return other

    def get(self, path: str) -> Page:
        """Open a page; redirects are followed."""
        return self._read(self.client.get(path, follow_redirects=True))

    def submit(self, page: Page, ending: str, **typed: str | list[str]) -> Page:
        """Fill in the form that posts to `ending`; fields may be named without their prefix. Redirects are followed."""
        form = page.form(ending)
        fields = form.fields.copy()
        for name, value in typed.items():
            full = self._full_name(form, name)
            values = value if isinstance(value, list) else [value]
            before = fields.getlist(full) if full in form.buttons else []
            fields.setlist(full, [*before, *values])
        return self._read(self.client.post(form.action, data=fields, follow_redirects=True))

    def _full_name(self, form: Form, name: str) -> str:
        known = [*form.fields, *form.offered]
        found = [one for one in known if one == name or one.endswith(f"-{name}")]
        assert found, (name, known)
        return found[0]

    def _read(self, response: TestResponse) -> Page:
        path = urlsplit(response.request.path).path
        page = Page(response.status_code, path, response.text, dict(response.headers))
        if response.mimetype == "text/html":
            _Reader(page).feed(page.html)
        return page
