"""Cuts the vendored fonts out of the full BIZ UDPGothic: what cards and desk need, for printing and for browsers alike.

    python tools/build_fonts.py FOLDER_WITH_BIZUDPGothic_TTF

Debian's package fonts-morisawa-bizud-gothic holds the originals (SIL Open Font License 1.1, no reserved name). Kept are
Latin, kana, signs and the 2,965 kanji of JIS X 0208 level 1, which hold every kanji of everyday use, and the few others
that our own texts show.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset  # type: ignore[import-untyped]

FONTS = Path(__file__).parent.parent / "hub" / "static" / "fonts"
FACES = ("BIZUDPGothic-Regular.ttf", "BIZUDPGothic-Bold.ttf")
ROWS_OF_SIGNS_AND_KANA = range(0xA1, 0xA9)
ROWS_OF_LEVEL_1 = range(0xB0, 0xD0)
MORE = "熊谷髙﨑邉邊濵德桒祐辻飴々〆ヶ①②③④⑤⑥⑦⑧⑨⑩㈱™©®←↑→↓○●◎△▲▽▼□■◇◆☆★✓‐‑–—―‘’“”…・×÷−±≦≧〜～"


def kept_characters() -> str:
    """The characters that stay: JIS X 0208 by its own rows (EUC-JP numbers them), Latin, and a few by name."""
    rows = [*ROWS_OF_SIGNS_AND_KANA, *ROWS_OF_LEVEL_1]
    table = b"".join(bytes((row, cell)) for row in rows for cell in range(0xA1, 0xFF))
    latin = "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x100)]))
    return table.decode("euc_jp", errors="ignore") + latin + MORE


def cut(source: Path, target: Path) -> None:
    """Write the subset of one face."""
    options = subset.Options()
    options.layout_features = ["kern"]
    options.hinting = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    font = subset.load_font(str(source), options)
    cutter = subset.Subsetter(options)
    cutter.populate(text=kept_characters())
    cutter.subset(font)
    subset.save_font(font, str(target), options)


def main(arguments: list[str]) -> int:
    """Cut both faces."""
    if len(arguments) != 1:
        sys.stderr.write(str(__doc__))
        return 2
    for face in FACES:
        cut(Path(arguments[0]) / face, FONTS / face)
        sys.stderr.write(f"{face}: {(FONTS / face).stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
