"""Makes .venv from a hash-pinned lock, once, and hands over to kumapo_cli.py inside it.

./kumapo starts it. It needs nothing but the standard library, asks nothing, never uses sudo, and parses on Python 3.6,
so that an old Python says what is missing instead of showing a traceback. What a start must import comes first; what
only a set-up needs is imported there, to keep every later start short.
"""

import hashlib
import os
import sys

ROOT = os.path.dirname(os.path.realpath(__file__))
VENV = os.path.join(ROOT, ".venv")
SET_ASIDE = os.path.join(ROOT, ".venv.old")
GUARD = os.path.join(ROOT, ".venv.guard")
# The Python that a .venv is made from: this one, or where this is run by .venv's own, the one that it was made from.
BASE_PYTHON = os.path.realpath(sys.executable)
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "kumapo-stamp")
COMMANDS = os.path.join(ROOT, "kumapo_cli.py")

RUN_LOCK = "requirements.lock"
TEST_LOCK = "requirements-test.lock"
# A .venv takes 420 MB from the run lock and 770 MB from the test lock, and the downloads lie beside it for a while.
FREE_BYTES_NEEDED = {RUN_LOCK: 650 * 1000**2, TEST_LOCK: 1200 * 1000**2}
LACKING = 2  # exit status: this machine lacks something, and the text says what


class SetUpError(Exception):
    """Set-up cannot go on; the two texts tell a person why and what to do."""

    def __init__(self, japanese: str, english: str, detail: str = "") -> None:
        super().__init__(english)
        self.japanese = japanese
        self.english = english
        self.detail = detail


def main(arguments):  # type: (list[str]) -> int
    """Start the command in a .venv that holds its lock; returns only where that could not be."""
    lock = TEST_LOCK if arguments[:1] == ["test"] else RUN_LOCK
    try:
        if not is_fresh(lock):
            set_up(lock)
    except SetUpError as error:
        say(error.japanese, error.english, error.detail)
        return LACKING
    except OSError as error:
        say(
            "準備できませんでした。このフォルダーに書けるか、空き容量があるかを確かめてください。",
            "Set-up failed. See whether this folder can be written to and has space left.",
            str(error),
        )
        return LACKING
    except KeyboardInterrupt:
        say("途中で止めました。次に始めるとやり直します。", "Stopped half-way. The next start begins anew.")
        return 130
    return os.execv(PYTHON, [PYTHON, COMMANDS, *arguments])  # noqa: S606  (the command takes this process's place)


def is_fresh(lock: str) -> bool:
    """Whether .venv is whole, holds this very lock, and its Python still is the one it was made with."""
    stamp = read_lines(STAMP)
    return lock_line(lock) in stamp and "python " + venv_version() in stamp


def lock_line(lock: str) -> str:
    """What the stamp says of a lock that has been installed: its name and the SHA-256 of its bytes."""
    with open(os.path.join(ROOT, lock), "rb") as file:
        return lock + " " + hashlib.sha256(file.read()).hexdigest()


def read_lines(path):  # type: (str) -> list[str]
    """The lines of a small text file; none where it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except OSError:
        return []


def venv_version() -> str:
    """The version, as 3.11, of the Python that .venv runs now; empty where it does not run."""
    if os.path.realpath(sys.prefix) == VENV:
        return "%d.%d" % sys.version_info[:2]
    import subprocess

    ask = [PYTHON, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        answer = subprocess.run(ask, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return ""
    return answer.stdout.decode().strip()


def set_up(lock: str) -> None:
    """Make .venv hold the lock, one process at a time; a whole .venv of before comes back if that fails."""
    check_machine()
    guard = open_guard()
    try:
        wait_for(guard)
        if is_fresh(lock):
            return
        check_space(lock)
        if lock == TEST_LOCK and is_fresh(RUN_LOCK):
            install(lock)  # the test lock only adds to the run lock, so what runs stays whole meanwhile
            write_stamp(lock)
        else:
            make_anew(lock)
    finally:
        os.close(guard)
    tell("準備ができました。", "Ready.")


def wait_for(guard: int) -> None:
    """Hold the guard's lock. An installer inherits it, so that after a kill the next start waits for its end."""
    import fcntl

    os.set_inheritable(guard, True)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        tell("別の準備が終わるのを待っています…", "Waiting for another set-up to finish ...")
        fcntl.flock(guard, fcntl.LOCK_EX)


def make_anew(lock: str) -> None:
    """Make .venv from nothing. What was there is set aside until the new one is whole."""
    import shutil

    if os.path.exists(STAMP):
        shutil.rmtree(SET_ASIDE, ignore_errors=True)
        os.rename(VENV, SET_ASIDE)
    elif os.path.lexists(VENV):
        shutil.rmtree(VENV)
    whole = False
    try:
        make_venv()
        install(lock)
        write_stamp(lock)
        whole = True
    finally:
        if not whole:
            shutil.rmtree(VENV, ignore_errors=True)
            if os.path.exists(SET_ASIDE):
                os.rename(SET_ASIDE, VENV)
    shutil.rmtree(SET_ASIDE, ignore_errors=True)


def make_venv() -> None:
    """An empty .venv."""
    tell("Python の環境を作っています…", "Making a Python environment ...")
    uv = find_uv()
    if uv:
        run([uv, "venv", "--quiet", "--python", BASE_PYTHON, VENV])
    else:
        run([BASE_PYTHON, "-I", "-m", "venv", VENV])


def install(lock: str) -> None:
    """Install the lock's packages: wheels only, each checked against its hash, nothing that the lock does not name."""
    path = os.path.join(ROOT, lock)
    tell("部品を入れています(最初だけ。数分かかることも)…", "Installing packages (once; it may take minutes) ...")
    uv = find_uv()
    if uv:
        run([uv, "pip", "install", "--python", PYTHON, "--require-hashes", "--no-build", "-r", path])
        return
    pip = [PYTHON, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", path])


def write_stamp(lock: str) -> None:
    """Say in .venv that it is whole. The test lock holds all that the run lock names, so it stamps both."""
    lines = ["python " + venv_version(), lock_line(RUN_LOCK)]
    if lock == TEST_LOCK:
        lines.append(lock_line(TEST_LOCK))
    with open(STAMP + ".new", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(STAMP + ".new", STAMP)


def check_machine() -> None:
    """Refuse a Python or a machine that no wheel of the lock is for, before anything is written."""
    import platform

    if sys.version_info < (3, 11):
        raise SetUpError(
            "Python 3.11 以上が必要です。次を実行してから、もう一度お試しください(Debian 12 以降)。",
            "Python 3.11 or newer is needed. Run this, then try again (Debian 12 or later):",
            "    " + apt_install("python3 python3-venv"),
        )
    machine = platform.machine()
    if not sys.platform.startswith("linux") or machine not in {"x86_64", "aarch64"} or sys.maxsize < 2**32:
        raise SetUpError(
            "64 ビットの Linux(x86-64 または aarch64)が必要です。",
            "A 64-bit Linux on x86-64 or aarch64 is needed.",
            "    %s %s, %d-bit Python" % (sys.platform, machine, 64 if sys.maxsize > 2**32 else 32),
        )
    if not (find_uv() or can_make_venv()):
        raise SetUpError(
            "Python の部品 venv がありません。次を実行してから、もう一度お試しください。",
            "This Python lacks its venv part. Run this, then try again:",
            "    " + apt_install("python%d.%d-venv" % sys.version_info[:2]),
        )


def can_make_venv() -> bool:
    """Whether this Python has the two modules that Debian keeps in a package of their own."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def check_space(lock: str) -> None:
    """Refuse a disk that the lock would fill."""
    import shutil

    free = shutil.disk_usage(ROOT).free
    if free < FREE_BYTES_NEEDED[lock]:
        raise SetUpError(
            "空き容量が足りません。",
            "There is not enough space left on the disk.",
            "    %s: %d MB < %d MB" % (ROOT, free // 1000**2, FREE_BYTES_NEEDED[lock] // 1000**2),
        )


def open_guard() -> int:
    """A descriptor of the file whose lock lets one set-up run at a time."""
    try:
        return os.open(GUARD, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise SetUpError(
            "このフォルダーに書けないので準備できません。書けるフォルダーに置きなおしてください。",
            "Set-up cannot write to this folder. Put the checkout into a folder that you can write to.",
            str(error),
        ) from None


def find_uv() -> str:
    """The path of a uv that runs, or nothing: it does the same as pip, sooner."""
    import shutil
    import subprocess

    uv = shutil.which("uv")
    if uv is None:
        return ""
    works = subprocess.call([uv, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    return uv if works else ""


def run(command):  # type: (list[str]) -> None
    """Run one step of set-up without a question; where it fails, its last lines are the reason shown."""
    import subprocess

    done = subprocess.run(  # noqa: PLW1510  (its status is looked at below)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        close_fds=False,
    )
    if done.returncode == 0:
        return
    output = done.stdout.decode("utf-8", "replace")
    if "No space left on device" in output:
        japanese, english = "空き容量が足りなくなりました。", "The disk became full."
    else:
        japanese = "準備できませんでした。ネットワークにつながっているかを確かめてください(最初だけ必要です)。"
        english = "Set-up failed. See whether the network is there (it is needed the first time only)."
    raise SetUpError(japanese, english, "\n".join("    " + line[:200] for line in output.splitlines()[-3:]))


def apt_install(packages: str) -> str:
    """The line that an administrator types."""
    return ("" if os.geteuid() == 0 else "sudo ") + "apt install " + packages


def tell(japanese: str, english: str) -> None:
    """One line of progress on standard error: standard output belongs to the command."""
    sys.stderr.write(japanese + " / " + english + "\n")
    sys.stderr.flush()


def say(japanese: str, english: str, detail: str = "") -> None:
    """Tell a person, in both languages, why it stopped and what to do."""
    lines = [japanese, english]
    if detail:
        lines.append(detail)
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
