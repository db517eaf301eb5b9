"""Machine code on disk is never older than the sources it was made of."""

import shutil
from pathlib import Path

import numba
import pytest

from detector.enrich import compiled


def test_other_sources_have_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    for part in ("enrich", "model", "state"):
        shutil.copytree(Path(compiled.__file__).parents[1] / part, tmp_path / part)
    here = compiled._kept_in()
    monkeypatch.setattr(compiled, "_PACKAGE", tmp_path)
    places = [compiled._kept_in()]
    assert Path(places[0]).name == Path(here).name
    for name in ("enrich/sketch.py", "state/steps.py", "model/packed.py"):
        with (tmp_path / name).open("a") as source:
            source.write("\n")
        places.append(compiled._kept_in())
    assert len(set(places)) == 4


def test_numba_keeps_it_there_and_a_deployment_may_say_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(numba.config.CACHE_DIR).name == Path(compiled._kept_in()).name
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert Path(compiled._kept_in()).parent == tmp_path
