"""./kumapo and launcher.py as a person meets them: what a bare machine is told, and when packages are installed.

The shell script, the launcher, the Python and the .venv are real. Where only the order of the steps matters a small
script stands in for uv, the installer; the last test goes through venv and pip.
"""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = Path(sys.executable).resolve()
COMMANDS = "import os, sys\nprint([sys.argv[1:], os.getcwd(), os.path.dirname(os.path.dirname(sys.executable))])\n"

# Makes an empty .venv, writes down each installation, and fails or waits where a file beside it says so.
UV = """\
#!/bin/sh
here='{bin}'
case "$1 $2" in
    "--version ") ;;
    "venv --quiet") exec "$4" -m venv --without-pip "$5" ;;
    "pip install")
        for lock; do :; done
        echo "${{lock##*/}}" >>"$here/installed"
        [ ! -p "$here/gate" ] || read -r opened <"$here/gate"
        [ ! -f "$here/failure" ] || {{ while read -r line; do echo "$line"; done <"$here/failure"; exit 1; }} ;;
esac
"""

# A Python from which a module was left out, as Debian leaves out ensurepip, and its minimal package much more.
BARE_PYTHON = """\
#!/bin/sh
exec '{python}' -I -c '
import runpy, sys
sys.modules["{missing}"] = None
if sys.argv[2] == "-c":
    exec(sys.argv[3])
else:
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
' "$@"
"""


@dataclass(frozen=True)
class Machine:
    """A checkout, and the only folder in which its ./kumapo finds programs."""

    checkout: Path
    bin: Path

    def start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ./kumapo from a folder that is not the checkout."""
        command = [str(self.checkout / "kumapo"), *arguments]
        return subprocess.run(command, env=self.environ(), cwd="/", capture_output=True, text=True, check=False)

    def environ(self) -> dict[str, str]:
        return {"PATH": str(self.bin), "HOME": str(self.bin), "LANG": "C.UTF-8"}

    def add_program(self, name: str, text: str, missing: str = "ensurepip") -> None:
        path = self.bin / name
        path.write_text(text.format(python=PYTHON, bin=self.bin, missing=missing), encoding="utf-8")
        path.chmod(0o755)

    def add_python(self) -> None:
        (self.bin / "python3").symlink_to(PYTHON)

    def installed(self) -> list[str]:
        """The locks that the stand-in for uv has installed, in order."""
        path = self.bin / "installed"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    """A machine without any Python; its checkout has a space in its path, and locks that name nothing."""
    machine = Machine(tmp_path / "my checkout", tmp_path / "bin")
    machine.checkout.mkdir()
    machine.bin.mkdir()
    for name in ("kumapo", "launcher.py"):
        shutil.copy(ROOT / name, machine.checkout)
    (machine.checkout / "kumapo_cli.py").write_text(COMMANDS, encoding="utf-8")
    (machine.checkout / "requirements.lock").write_text("# run\n", encoding="utf-8")
    (machine.checkout / "requirements-test.lock").write_text("# test\n", encoding="utf-8")
    for name in ("dirname", "id", "readlink"):
        (machine.bin / name).symlink_to(shutil.which(name) or name)
    return machine


@pytest.fixture
def machine(bare: Machine) -> Machine:
    """A machine that has a Python and an installer."""
    bare.add_python()
    bare.add_program("uv", UV)
    return bare


def test_without_a_python_both_languages_name_the_packages(bare: Machine) -> None:
    done = bare.start("demo")

    assert done.returncode == 2
    assert "Python 3.11 以上(最小構成でないもの)が見つかりません" in done.stderr
    assert "No complete Python 3.11 or newer was found" in done.stderr
    assert "apt install python3 python3-venv" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 127\n", "#!/bin/sh\nexit 1\n", "#!/no/such/python\n"])
def test_a_python_that_does_not_run_or_is_too_old_counts_as_none(bare: Machine, text: str) -> None:
    bare.add_program("python3.13", text)
    bare.add_program("python3", text)

    done = bare.start("demo")

    assert done.returncode == 2
    assert "apt install python3 python3-venv" in done.stderr


def test_a_python_that_does_not_run_is_passed_over_for_one_that_does(machine: Machine) -> None:
    machine.add_program("python3.13", "#!/bin/sh\nexit 127\n")

    done = machine.start("demo")

    assert done.returncode == 0, done.stderr


def test_a_python_without_ensurepip_is_told_its_package(bare: Machine) -> None:
    bare.add_program("python3", BARE_PYTHON)

    done = bare.start("demo")

    assert done.returncode == 2
    assert "venv がありません" in done.stderr
    assert "lacks its venv part" in done.stderr
    assert f"apt install python3.{sys.version_info.minor}-venv" in done.stderr
    assert not (bare.checkout / ".venv").exists()


def test_a_minimal_python_counts_as_none(bare: Machine) -> None:
    bare.add_program("python3", BARE_PYTHON, missing="shutil")

    done = bare.start("demo")

    assert done.returncode == 2
    assert "apt install python3 python3-venv" in done.stderr


def test_a_python_that_can_make_a_venv_goes_before_a_newer_one_that_cannot(machine: Machine) -> None:
    (machine.bin / "uv").unlink()
    machine.add_program("python3.13", BARE_PYTHON)
    machine.add_program("python3.12", '#!/bin/sh\n[ "$2" = -c ] && exit 0\necho chosen: "$@"\n')

    done = machine.start("demo")

    assert done.stdout == f"chosen: -I {machine.checkout}/launcher.py demo\n"


def test_an_old_python_can_read_the_launcher_to_say_so() -> None:
    source = (ROOT / "launcher.py").read_text(encoding="utf-8")

    tree = ast.parse(source, feature_version=(3, 6))

    at_start = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert at_start == {"hashlib", "os", "sys"}
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))


def test_the_first_start_installs_and_hands_over_words_folder_and_output(machine: Machine) -> None:
    done = machine.start("demo", "--seconds", "5 5")

    assert done.stdout == f"{[['demo', '--seconds', '5 5'], '/', str(machine.checkout / '.venv')]}\n"
    assert "準備ができました。 / Ready." in done.stderr
    assert machine.installed() == ["requirements.lock"]


def test_a_later_start_installs_nothing_and_says_nothing(machine: Machine) -> None:
    machine.start("demo")

    done = machine.start("demo")

    assert done.returncode == 0
    assert done.stderr == ""
    assert machine.installed() == ["requirements.lock"]


def test_it_starts_through_a_link_from_elsewhere(machine: Machine) -> None:
    (machine.bin / "kumapo").symlink_to(machine.checkout / "kumapo")

    done = subprocess.run(["kumapo", "hub"], env=machine.environ(), capture_output=True, text=True, check=True)

    assert str(machine.checkout / ".venv") in done.stdout


def test_a_changed_lock_is_installed_into_a_new_venv(machine: Machine) -> None:
    machine.start("demo")
    leftover = machine.checkout / ".venv" / "leftover"
    leftover.touch()
    (machine.checkout / "requirements.lock").write_text("# run, changed\n", encoding="utf-8")

    done = machine.start("demo")

    assert done.returncode == 0
    assert machine.installed() == ["requirements.lock", "requirements.lock"]
    assert not leftover.exists()
    assert not (machine.checkout / ".venv.old").exists()


def test_the_tests_add_their_lock_to_the_one_that_runs(machine: Machine) -> None:
    machine.start("demo")
    kept = machine.checkout / ".venv" / "kept"
    kept.touch()

    machine.start("test")
    machine.start("demo")
    machine.start("test")

    assert machine.installed() == ["requirements.lock", "requirements-test.lock"]
    assert kept.exists()


def test_a_half_made_venv_is_made_anew(machine: Machine) -> None:
    half_made = machine.checkout / ".venv" / "lib" / "half-made"
    half_made.mkdir(parents=True)

    done = machine.start("demo")

    assert done.returncode == 0
    assert not half_made.exists()
    assert machine.installed() == ["requirements.lock"]


def test_a_half_made_venv_is_made_anew_by_the_python_it_came_from(machine: Machine) -> None:
    machine.start("demo")
    (machine.checkout / ".venv" / "kumapo-stamp").unlink()

    done = machine.start("demo")

    assert done.returncode == 0, done.stderr
    assert (machine.checkout / ".venv" / "bin" / "python").resolve() == PYTHON


def test_a_venv_whose_python_has_gone_is_made_anew(machine: Machine) -> None:
    machine.start("demo")
    for name in ("python", "python3"):
        (machine.checkout / ".venv" / "bin" / name).unlink()

    done = machine.start("demo")

    assert done.returncode == 0, done.stderr
    assert machine.installed() == ["requirements.lock", "requirements.lock"]


def test_a_venv_of_another_python_version_is_made_anew(machine: Machine) -> None:
    machine.start("demo")
    stamp = machine.checkout / ".venv" / "kumapo-stamp"
    stamp.write_text(stamp.read_text(encoding="utf-8").replace("python 3.", "python 2."), encoding="utf-8")

    done = machine.start("demo")

    assert done.returncode == 0
    assert machine.installed() == ["requirements.lock", "requirements.lock"]


def test_a_failed_installation_says_why_and_leaves_the_whole_venv_of_before(machine: Machine) -> None:
    machine.start("demo")
    before = machine.checkout / ".venv" / "before"
    before.touch()
    (machine.checkout / "requirements.lock").write_text("# run, changed\n", encoding="utf-8")
    (machine.bin / "failure").write_text("could not reach the index\n", encoding="utf-8")

    done = machine.start("demo")

    assert done.returncode == 2
    assert "準備できませんでした" in done.stderr
    assert "Set-up failed" in done.stderr
    assert "    could not reach the index" in done.stderr
    assert before.exists()


def test_a_failed_first_installation_leaves_nothing_that_looks_whole(machine: Machine) -> None:
    (machine.bin / "failure").write_text("[Errno 28] No space left on device\n", encoding="utf-8")

    done = machine.start("demo")

    assert done.returncode == 2
    assert "空き容量が足りなくなりました" in done.stderr
    assert "The disk became full" in done.stderr
    assert not (machine.checkout / ".venv").exists()


def test_a_folder_that_cannot_be_written_is_named(machine: Machine) -> None:
    # A folder where a file must be opened is refused to root as well, unlike a missing permission.
    (machine.checkout / ".venv.guard").mkdir()

    done = machine.start("demo")

    assert done.returncode == 2
    assert "書けない" in done.stderr
    assert "cannot write to this folder" in done.stderr
    assert str(machine.checkout) in done.stderr


def test_a_whole_venv_starts_from_a_folder_that_cannot_be_written(machine: Machine) -> None:
    machine.start("demo")
    (machine.checkout / ".venv.guard").unlink()
    (machine.checkout / ".venv.guard").mkdir()

    done = machine.start("demo")

    assert done.returncode == 0, done.stderr


def test_two_first_starts_at_once_install_once(machine: Machine) -> None:
    gate = machine.bin / "gate"
    os.mkfifo(gate)
    command = [str(machine.checkout / "kumapo"), "demo"]
    with (
        subprocess.Popen(command, env=machine.environ(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as first,
        gate.open("w", encoding="utf-8") as opened,  # returns when the first one's installer has begun
        subprocess.Popen(
            command, env=machine.environ(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as second,
    ):
        assert second.stderr is not None
        waiting = second.stderr.readline()
        gate.unlink()  # a second installation would end by itself, and be counted
        opened.write("go on\n")
        opened.flush()
        second.stderr.read()

    assert "Waiting for another set-up" in waiting
    assert [first.returncode, second.returncode] == [0, 0]
    assert machine.installed() == ["requirements.lock"]


def test_a_killed_launcher_leaves_the_next_one_waiting_for_its_installer(machine: Machine) -> None:
    gate = machine.bin / "gate"
    os.mkfifo(gate)
    command = [str(machine.checkout / "kumapo"), "demo"]
    first = subprocess.Popen(command, env=machine.environ(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with gate.open("w", encoding="utf-8") as opened:
        first.kill()
        first.wait()
        gate.unlink()
        with subprocess.Popen(
            command, env=machine.environ(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as second:
            assert second.stderr is not None
            waiting = second.stderr.readline()
            opened.write("go on\n")
            opened.flush()
            second.stderr.read()

    assert "Waiting for another set-up" in waiting
    assert second.returncode == 0
    assert machine.installed() == ["requirements.lock", "requirements.lock"]


def test_pip_installs_what_the_lock_pins_and_refuses_another_hash(bare: Machine) -> None:
    bare.add_python()
    wheel = bare.checkout / "pinned-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pinned.py", "VALUE = 20\n")
        archive.writestr("pinned-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: pinned\nVersion: 1\n")
        archive.writestr("pinned-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("pinned-1.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (bare.checkout / "kumapo_cli.py").write_text("import pinned\nprint(pinned.VALUE)\n", encoding="utf-8")
    for lock, pin in (("requirements.lock", digest), ("requirements-test.lock", "0" * 64)):
        (bare.checkout / lock).write_text(f"pinned @ {wheel.as_uri()} --hash=sha256:{pin}\n", encoding="utf-8")

    installed = bare.start("demo")
    refused = bare.start("test")
    again = bare.start("demo")

    assert installed.stdout == "20\n"
    assert refused.returncode == 2
    assert digest in refused.stderr
    assert again.stdout == "20\n"
