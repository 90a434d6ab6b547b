"""Makes the vectors in this folder from fixed seeds, half of the envelopes by pycose. From the checkout's folder:
`PYTHONPATH=.:tests/support python -m tests.vectors.make`.

Running it again writes the same bytes. A change of a committed vector is a change of the wire.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from wire_samples import INSTANCE, KIOSK_ID, KIOSK_KEY, ROOT_KEY, key_list

from tests.vectors import make_answers, make_entries, make_envelopes, make_messages, make_tokens

FOLDER: Final = Path(__file__).parent


def files() -> dict[str, str]:
    """Return {file name: text} of all files of vectors."""
    parts = {
        "tokens.json": make_tokens.vectors(),
        "envelopes.json": make_envelopes.vectors(),
        "entries.json": make_entries.vectors(),
        "answers.json": make_answers.vectors(),
        "messages.json": make_messages.vectors(),
    }
    keys = {
        "root_public_key": ROOT_KEY.public.hex(),
        "kiosk_public_key": KIOSK_KEY.public.hex(),
        "kiosk": KIOSK_ID.hex(),
        "instance": [INSTANCE.opened_ms, INSTANCE.mark.hex()],
        "key_list": key_list().hex(),
    }
    texts = {name: "[\n" + ",\n".join(map(_line, vectors)) + "\n]\n" for name, vectors in parts.items()}
    return {"keys.json": json.dumps(keys, indent=1) + "\n", **texts}


def _line(vector: object) -> str:
    """One vector on one line, so that a change shows as one line too."""
    return json.dumps(vector, ensure_ascii=False)


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
