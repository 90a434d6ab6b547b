"""The booth's benchmark runs, tiny, with everything real, a browser too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.command import bench
from kumapo_doctor import find_chromium
from tests.benchmarks.test_booth import EXPECTED


def test_the_booth_is_measured_with_everything_real(tmp_path: Path) -> None:
    if find_chromium() is None:
        pytest.skip("no Chromium here: run `apt install chromium` to measure until the result is drawn")
    arguments = ["booth", "--quick", "--json", "--dir", str(tmp_path)]

    result = CliRunner().invoke(bench, arguments, catch_exceptions=False)

    said = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == 0
    assert [figure["to_reach"] for figure in said["figures"]] == EXPECTED
    assert said["figures"][-1]["value"] == 0
    assert all(figure["figure"] in result.stdout.partition("{")[0] for figure in said["figures"])
    assert list(tmp_path.iterdir()) == []
