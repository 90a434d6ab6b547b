"""Turns what the field expects to go wrong in a booth's command into a sentence in two languages and an exit code."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from config.settings import SettingsError
from kiosk.camera import CameraError
from kiosk.journal_file import JournalBusy, JournalDamaged, JournalError, JournalFailed, JournalUnsafe
from kiosk.journal_open import JournalSetAside
from sync.codec import WireError

EXIT_NOT_ENROLLED = 3
EXIT_JOURNAL = 4
EXIT_UNSAFE = 5
EXIT_BUSY = 6
EXIT_HUB = 7
EXIT_CAMERA = 8


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the field expects to go wrong into a sentence and an exit code."""
    try:
        yield
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    except CameraError as error:
        end(EXIT_CAMERA, str(error))
    except JournalError as error:
        end(*_sentence_for(error))
    except (sqlite3.DatabaseError, WireError) as error:
        end(*_sentence_for(JournalDamaged(str(error))))
    except BrokenPipeError:
        raise  # whoever read our words has gone; click ends quietly
    except OSError as error:
        end(EXIT_UNSAFE, _sentence_for_place(error))


def _sentence_for(error: JournalError) -> tuple[int, str]:
    match error:
        case JournalSetAside():
            return EXIT_JOURNAL, (
                f"記録簿がこわれていました({error.reason})。{error.aside.name} によけました。"
                f"読めた{error.salvaged.entries}件は {error.salvaged.path.name} にあります。"
                "kiosk export --journal で送れます。"
                "端末は登録しなおしてください(kiosk enrol)。"
                f" / The journal was broken and set aside; {error.salvaged.entries} entries were saved. Enrol anew."
            )
        case JournalDamaged():
            return EXIT_JOURNAL, f"記録簿がこわれています。 / The journal is broken: {error}"
        case JournalBusy():
            return (
                EXIT_BUSY,
                f"ほかのプログラムが記録簿を使っています。 / Another program is using the journal: {error}",
            )
        case JournalUnsafe():
            return EXIT_UNSAFE, (
                "記録簿が電源を切ると消える場所にあります。SDカードやSSDに置いてください。"
                f" / The journal would not survive a power cut ({error}). Put it on a real disk, or --accept-volatile."
            )
        case JournalFailed():
            return EXIT_UNSAFE, f"記録できません。空きを見てください。 / Nothing can be written (disk full?): {error}"
        case _:
            return (
                EXIT_NOT_ENROLLED,
                f"この端末は登録されていません(kiosk enrol)。 / This kiosk is not enrolled: {error}",
            )


def _sentence_for_place(error: OSError) -> str:
    place = error.filename if error.filename is not None else "-"
    return (
        f"「{place}」を読み書きできません。場所、権限(使う人)、空きを確かめるか、ほかの場所を指定してください。"
        f" / {place} cannot be read or written ({error.strerror})."
        " Check the place, its permissions and the space left, or name another place."
    )


def end(code: int, sentence: str) -> NoReturn:
    """Say why, and end."""
    click.echo(sentence, err=True)
    sys.exit(code)
