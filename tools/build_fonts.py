"""Cuts the vendored fonts out of the full ones: what cards, desk and booth need, for printing and for browsers alike.

    python tools/build_fonts.py FOLDER_WITH_BIZUDPGothic_TTF FOLDER_OF_NPM_PACKAGE_@fontsource/be-vietnam-pro

Debian's package fonts-morisawa-bizud-gothic holds the originals of BIZ UDPGothic. Kept are Latin, kana, signs and the
2,965 kanji of JIS X 0208 level 1, which hold every kanji of everyday use, and the few others that our own texts show.
It has no Vietnamese: Be Vietnam Pro has, and its Latin and Vietnamese parts become one file a face. Both are under the
SIL Open Font License 1.1, no reserved name.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import merge, subset  # type: ignore[import-untyped]

FONTS = Path(__file__).parent.parent / "fonts"
FACES = ("BIZUDPGothic-Regular.ttf", "BIZUDPGothic-Bold.ttf")
VIETNAMESE_FACES = {400: "BeVietnamPro-Regular.ttf", 700: "BeVietnamPro-Bold.ttf"}
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


def join(parts: list[Path], target: Path) -> None:
    """Write the parts of one face as one file."""
    font = merge.Merger().merge([str(part) for part in parts])
    font.flavor = None
    font.save(str(target))


def main(arguments: list[str]) -> int:
    """Make all four faces."""
    if len(arguments) != 2:  # noqa: PLR2004  # one folder for each font
        sys.stderr.write(str(__doc__))
        return 2
    for face in FACES:
        cut(Path(arguments[0]) / face, FONTS / face)
    for weight, face in VIETNAMESE_FACES.items():
        names = [f"be-vietnam-pro-{part}-{weight}-normal.woff" for part in ("latin", "vietnamese")]
        join([Path(arguments[1]) / "files" / name for name in names], FONTS / face)
    for face in [*FACES, *VIETNAMESE_FACES.values()]:
        sys.stderr.write(f"{face}: {(FONTS / face).stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
