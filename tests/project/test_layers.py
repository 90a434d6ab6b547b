"""The layers of docs/ARCHITECTURE.md, kept by machine: who imports whom, also between the
rooms of hub/; who writes to its database; and who may touch clock, network and settings.

Each rule is a function of one parsed file, so that it is tried on planted faults beside the real files.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

# who may import whom; demo, benchmarks and simulator stand above and may import all of these
MAY_IMPORT: Final = {
    "config": {"config"},
    "sync": {"sync"},
    "kiosk": {"kiosk", "sync", "config"},
    "hub": {"hub", "sync", "config"},
}
ABOVE: Final = {"demo", "benchmarks", "simulator", "tests"}
PROJECT: Final = MAY_IMPORT.keys() | ABOVE

# they decide: values in, values out
PURE: Final = (
    *("kiosk/scan.py", "kiosk/next_code.py", "kiosk/coach.py", "kiosk/words.py"),
    *(
        "hub/intake/chain.py",
        "hub/intake/intervals.py",
        "hub/intake/judge.py",
        "hub/intake/offers.py",
        "hub/intake/occasions.py",
        "hub/intake/settle.py",
    ),
    *("hub/intake/values.py", "hub/intake/voids.py"),
)
IMPURE: Final = {
    *("aiohttp", "ftplib", "http", "httpx", "requests", "socket", "socketserver", "ssl", "urllib", "urllib3"),
    *("asyncio", "concurrent", "multiprocessing", "os", "signal", "subprocess", "threading"),
    *("fcntl", "glob", "io", "pathlib", "shutil", "tempfile", "tomllib"),
    *("alembic", "cv2", "flask", "psycopg", "sqlalchemy", "sqlite3", "sqlite_utils", "waitress"),
    *("random", "secrets", "time", "uuid"),
}
# the modules of sync that touch the world, and with what
SYNC_MAY: Final = {"sync/http.py": {"http", "requests", "urllib3"}, "sync/files.py": {"os", "pathlib", "tempfile"}}


# the rooms of hub/: a folder (of desk/, each folder in it), or a module at the top; and whom each one imports, no more
# and no less
_SUBJECT: Final = {"desk/base", "served"}
ROOMS: Final[dict[str, set[str]]] = {
    "__main__": {"commands"},
    "__init__": {"app"},
    "commands": {
        *("app", "serving", "served", "desk/base", "wire", "print", "audit", "acts", "register", "intake", "service"),
        *("store", "keys"),
    },
    "app": {"desk", "desk/base", "wire", "served", "serving", "service"},
    "serving": set(),
    "desk": {
        *("desk/front", "desk/acts", "desk/held", "desk/kiosks", "desk/records", "desk/offices", "desk/events"),
        *("desk/members", "desk/base", "served", "store"),
    },
    "desk/front": _SUBJECT | {"acts", "audit", "desk/held", "desk/kiosks", "intake", "own_clock", "service", "store"},
    "desk/acts": _SUBJECT | {"acts", "store"},
    "desk/held": _SUBJECT | {"acts", "desk/kiosks", "intake", "store"},
    "desk/kiosks": _SUBJECT
    | {"acts", "desk/acts", "desk/events", "desk/held", "desk/offices", "desk/records"}
    | {"intake", "register", "service", "store"},
    "desk/records": _SUBJECT | {"acts", "desk/held", "desk/kiosks", "intake", "store"},
    "desk/offices": _SUBJECT | {"acts", "store"},
    "desk/events": _SUBJECT | {"acts", "desk/offices", "store"},
    "desk/members": _SUBJECT | {"acts", "register", "print", "service", "store"},
    "wire": {"served", "allowances", "register", "intake", "service", "keys", "store"},
    "desk/base": {"served", "acts", "intake", "ledger", "store"},
    "served": {"desk/base", "service", "allowances"},
    "allowances": set(),
    "acts": {"register", "intake", "ledger", "own_clock", "service", "store"},
    "print": {"register"},
    "audit": {"intake", "service", "store", "keys"},
    "register": {"intake", "service", "store"},
    "intake": {"ledger", "own_clock", "service", "store"},
    "ledger": {"intake", "store"},
    "service": {"own_clock", "store", "keys"},
    "own_clock": {"store"},
    "store": {"own_clock", "service", "keys"},
    "keys": set(),
}
# from the door to the cellar; rooms of one row may import each other, if the map says so
ROWS: Final[list[set[str]]] = [
    {"__main__"},
    {"__init__", "commands"},
    {"app"},
    {"desk"},
    {"wire", "serving", *(room for room in ROOMS if room.startswith("desk/") and room != "desk/base")},
    {"desk/base", "served"},
    {"acts", "print", "audit"},
    {"register"},
    {"intake", "ledger"},
    {"service", "own_clock", "store", "allowances"},
    {"keys"},
]
# who opens a transaction that writes to the hub's database; this list is to become shorter, never longer
WRITERS: Final = {
    *("hub/acts/doing.py", "hub/intake/backlog.py"),
    *("hub/commands.py", "hub/intake/arrival.py", "hub/register/enrolments.py", "hub/service.py"),
    "hub/store/database.py",  # it is the way in
}

ACTS: Final = {"open", "input", "print", "generate", "urandom"}  # calls that no import gives away
SQL_CLOCK: Final = re.compile(r"\bcurrent_(?:timestamp|date|time)\b|\bnow\(\)|'now'", re.IGNORECASE)


def imports_of(tree: ast.Module, path: str) -> set[str]:
    """What is imported anywhere in the file, in full: `from hub import judge` names hub and hub.judge."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = path.split("/")[: -node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def tops(modules: set[str]) -> set[str]:
    """The first part of each name."""
    return {module.split(".")[0] for module in modules}


def wrong_way(tree: ast.Module, path: str) -> set[str]:
    """Imports that point to a layer beside or above this one."""
    layer = path.split("/", maxsplit=1)[0]
    return (tops(imports_of(tree, path)) & PROJECT) - MAY_IMPORT.get(layer, PROJECT)


def room_of(name: str) -> str:
    """The room of a module of hub/, by its path or its dotted name."""
    first, *rest = name.removesuffix(".py").replace("/", ".").removeprefix("hub.").split(".")
    return f"{first}/{rest[0]}" if rest and f"{first}/{rest[0]}" in ROOMS else first


def other_rooms(tree: ast.Module, path: str) -> set[str]:
    """The rooms of hub/ that a file of it imports from, beside its own."""
    # hub.desk by itself is only on the way to something in it
    names = {name for name in imports_of(tree, path) if name.startswith("hub.") and name != "hub.desk"}
    return {room_of(name) for name in names} - {room_of(path)}


def wrong_room(tree: ast.Module, path: str) -> set[str]:
    """The rooms that a file imports from though its own does not know them."""
    return other_rooms(tree, path) - ROOMS.get(room_of(path), set())


def upward(rooms: dict[str, set[str]]) -> set[tuple[str, str]]:
    """The arrows between rooms that lead up."""
    row = {room: number for number, found in enumerate(ROWS) for room in found}
    return {(room, other) for room, known in rooms.items() for other in known if row[other] < row[room]}


def writing(tree: ast.Module, path: str) -> set[str]:
    """Ways into a transaction that writes to the hub's database."""
    del path  # whoever it is
    found = {".".join(name.split(".")[-2:]) for name in dotted_names(tree)} & {"store.run", "engine.begin"}
    return found | {"transaction" for name in dotted_names(tree) if name.endswith(".transaction")}


def impure(tree: ast.Module, path: str) -> set[str]:
    """What sync and the deciding modules must be handed instead: files, network, store, clock, randomness."""
    imports = tops(imports_of(tree, path)) & IMPURE
    calls = {name.split(".")[-1] for name in dotted_names(tree)} & ACTS
    allowed = SYNC_MAY.get(path, set())
    return (imports | (calls if not allowed else set())) - allowed


KNOWS_HTTP: Final = {"sync/http.py", "benchmarks/morning.py"}  # the second plays a clerk's browser


def network(tree: ast.Module, path: str) -> set[str]:
    """HTTP clients, which only sync/http.py knows."""
    clients = {"aiohttp", "http.client", "httpx", "requests", "urllib.request", "urllib3"}
    return set() if path in KNOWS_HTTP else reached(imports_of(tree, path), clients)


def clock_reads(tree: ast.Module, path: str) -> set[str]:
    """Readings of a clock or of the boot id, in Python or in SQL, which only config/clock.py makes."""
    found = tops(imports_of(tree, path)) & {"time", "timeit"}
    # datetime.now, date.today and the like under any name; a clock that was handed in may well be asked for its now()
    kinds = {alias.asname or alias.name for alias in imported_from(tree, "datetime")} | {"datetime"}
    found |= {
        name
        for name in dotted_names(tree)
        if name.split(".")[0] in kinds and name.split(".")[-1] in {"now", "today", "utcnow"}
    }
    for text in strings(tree):
        found |= {match.group() for match in SQL_CLOCK.finditer(text)}
        found |= {"boot_id"} if "random/boot_id" in text else set()
    return found


def settings_reads(tree: ast.Module, path: str) -> set[str]:
    """Readings of the environment or of settings files, which only config makes."""
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {module.rsplit(".", maxsplit=1)[-1] for module in imports_of(tree, path)}
    return names & {"environ", "environb", "getenv", "getenvb", "tomllib", "configparser", "dotenv"}


def reached(imports: set[str], modules: set[str]) -> set[str]:
    """Those of the modules that are imported, themselves or something inside them."""
    return {module for module in modules if any(f"{name}.".startswith(f"{module}.") for name in imports)}


def imported_from(tree: ast.Module, module: str) -> Iterator[ast.alias]:
    """The names that the file takes out of a module, or gives it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            yield from node.names
        elif isinstance(node, ast.Import):
            yield from (alias for alias in node.names if alias.name == module)


def dotted_names(tree: ast.Module) -> Iterator[str]:
    """Every name used, with what it is reached through: open, date.today, SigningKey.generate."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            yield ast.unparse(node)


def strings(tree: ast.Module) -> Iterator[str]:
    """Every string that is not a docstring."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def files(*folders: str) -> list[str]:
    """The Python files of these folders, as paths from the root."""
    found = sorted(str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob("*.py"))
    assert found, folders
    return found


def file_of(module: str) -> str:
    """Our file that an imported name leads to: a module, or a package for a name of its own; else nothing."""
    path = module.replace(".", "/")
    package = f"{path.rpartition('/')[0] or path}/__init__.py"
    if (ROOT / f"{path}.py").is_file():
        return f"{path}.py"
    return package if "." in module and (ROOT / package).is_file() else ""


def parse(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


Rule = Callable[[ast.Module, str], set[str]]


def strays(rule: Rule, paths: list[str]) -> dict[str, set[str]]:
    """What breaks the rule, by file."""
    return {path: found for path in paths if (found := rule(parse(path), path))}


def test_imports_point_one_way() -> None:
    assert strays(wrong_way, files(*MAY_IMPORT)) == {}


def test_a_room_of_the_hub_imports_only_from_rooms_it_knows() -> None:
    assert strays(wrong_room, files("hub")) == {}


def test_each_room_has_its_line_and_needs_all_of_it() -> None:
    needed: dict[str, set[str]] = {}
    for path in files("hub"):
        needed.setdefault(room_of(path), set()).update(other_rooms(parse(path), path))

    assert needed == ROOMS


def test_rooms_know_only_rooms_beside_and_below_them() -> None:
    assert upward(ROOMS) == set()
    assert upward({**ROOMS, "ledger": {"store", "desk/base"}, "keys": {"service"}}) == {
        ("ledger", "desk/base"),
        ("keys", "service"),
    }


def test_only_those_who_are_listed_write_to_the_hubs_database() -> None:
    assert strays(writing, files("hub")).keys() == WRITERS


def test_the_wire_is_handed_files_network_clock_and_randomness() -> None:
    assert strays(impure, files("sync")) == {}


@pytest.mark.parametrize("path", PURE)
def test_what_decides_stands_on_nothing_that_acts(path: str) -> None:
    stands_on = [path]
    for known in stands_on:
        ours = {file_of(module) for module in imports_of(parse(known), known)} - {""}
        stands_on += sorted(ours - set(stands_on))

    assert strays(impure, stands_on) == {}


def test_only_one_module_knows_an_http_client() -> None:
    assert strays(network, files(*MAY_IMPORT, "demo", "benchmarks")) == {}


def test_only_one_module_reads_a_clock() -> None:
    # benchmarks measure; they decide nothing by what they measured
    assert strays(clock_reads, files(*MAY_IMPORT, "demo")).keys() == {"config/clock.py"}


def test_only_config_reads_settings() -> None:
    # demo, benchmarks, the launcher and the command tree hand an environment on to the processes they start
    assert strays(settings_reads, files("sync", "kiosk", "hub")) == {}


PLANTED: Final[list[tuple[Rule, str, str, set[str]]]] = [
    (wrong_way, "hub/ledger/posting.py", "import kiosk.scan", {"kiosk"}),
    (wrong_way, "hub/ledger/posting.py", "from kiosk import scan", {"kiosk"}),
    (wrong_way, "kiosk/scan.py", "def late():\n    import hub", {"hub"}),
    (wrong_way, "config/clock.py", "from sync import entry", {"sync"}),
    (wrong_way, "sync/entry.py", "import demo", {"demo"}),
    (wrong_room, "hub/ledger/posting.py", "from hub.register.events import write_event", {"register"}),
    (wrong_room, "hub/ledger/posting.py", "from hub import register", {"register"}),
    (wrong_room, "hub/desk/base/forms.py", "def late():\n    from hub.register import events", {"register"}),
    (wrong_room, "hub/desk/held/routes.py", "import hub.desk.members.routes", {"desk/members"}),
    (wrong_room, "hub/desk/held/routes.py", "from hub.desk import members", {"desk/members"}),
    (wrong_room, "hub/audit/tree.py", "from hub.ledger.posting import post", {"ledger"}),
    (wrong_room, "hub/attic/old.py", "import hub.service", {"service"}),
    (wrong_room, "hub/store/database.py", "import hub.attic.old", {"attic"}),
    (writing, "hub/desk/base/acting.py", "served().hub.store.run(work)", {"store.run"}),
    (writing, "hub/wire/routes.py", "with hub.store.transaction() as connection: pass", {"transaction"}),
    (writing, "hub/wire/routes.py", "store.engine.begin()", {"engine.begin"}),
    (impure, "sync/entry.py", "import time", {"time"}),
    (impure, "sync/entry.py", "from os import urandom", {"os"}),
    (impure, "sync/entry.py", "open('entries')", {"open"}),
    (impure, "sync/keys.py", "SigningKey.generate()", {"generate"}),
    (impure, "sync/http.py", "import requests, sqlite3", {"sqlite3"}),
    (impure, "sync/engine.py", "import requests", {"requests"}),
    (network, "kiosk/uplink.py", "from urllib.request import urlopen", {"urllib.request"}),
    (network, "hub/app.py", "import requests.adapters", {"requests"}),
    (clock_reads, "kiosk/journal.py", "from time import monotonic_ns", {"time"}),
    (clock_reads, "kiosk/journal.py", "from datetime import datetime as d\nd.now()", {"d.now"}),
    (clock_reads, "kiosk/journal.py", "import datetime as dt\ndt.datetime.now(tz)", {"dt.datetime.now"}),
    (clock_reads, "hub/desk.py", "from datetime import date\nmap(date.today, [])", {"date.today"}),
    (clock_reads, "hub/store/database.py", "TABLE = 'at TEXT DEFAULT CURRENT_TIMESTAMP'", {"CURRENT_TIMESTAMP"}),
    (clock_reads, "hub/store/database.py", "at = f'SELECT {x}, now()'", {"now()"}),
    (clock_reads, "kiosk/start.py", "Path('/proc/sys/kernel/random/boot_id')", {"boot_id"}),
    (settings_reads, "kiosk/start.py", "import os\nos.environ['HUB']", {"environ"}),
    (settings_reads, "hub/start.py", "from os import getenv", {"getenv"}),
    (settings_reads, "hub/start.py", "import tomllib", {"tomllib"}),
]


@pytest.mark.parametrize(("rule", "path", "source", "expected"), PLANTED)
def test_a_planted_fault_is_found(rule: Rule, path: str, source: str, expected: set[str]) -> None:
    found = rule(ast.parse(source), path)

    assert found == expected


def test_a_clock_that_was_handed_in_may_be_asked() -> None:
    tree = ast.parse("def start(clock): return clock.now()")

    found = clock_reads(tree, "kiosk/start.py")

    assert found == set()


def test_prose_about_the_clock_is_no_reading_of_it() -> None:
    tree = ast.parse('"""Never calls now() nor reads the boot id from /proc/sys/kernel/random/boot_id."""')

    found = clock_reads(tree, "sync/entry.py")

    assert found == set()
