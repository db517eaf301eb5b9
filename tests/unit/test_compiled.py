"""Machine code on disk is never older than the sources it was made of."""

import errno
import shutil
from pathlib import Path

import pytest

from detector.enrich import machine_code as compiled


def test_other_sources_have_another_place(tmp_path: Path) -> None:
    for part in ("enrich", "model", "state"):
        shutil.copytree(Path(compiled.__file__).parents[1] / part, tmp_path / part)
    places = [compiled._digest(tmp_path)]
    assert compiled._kept_in().name == f"numba-{places[0]}"
    for name in ("enrich/sketch.py", "state/steps.py", "model/packed.py"):
        with (tmp_path / name).open("a") as source:
            source.write("\n")
        places.append(compiled._digest(tmp_path))
    assert len(set(places)) == 4


def add(a: int, b: int) -> int:
    return a + b


def files(place: Path) -> list[str]:
    return sorted(path.suffix for path in place.rglob("*") if path.is_file())


def test_a_deployment_may_say_where_it_is_kept_and_the_next_start_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert compiled.compiled(add)(2, 3) == 5
    assert files(tmp_path) == [".nbc", ".nbi"]
    again = compiled.compiled(add)
    assert again(2, 3) == 5
    assert sum(again.stats.cache_hits.values()) == 1  # type: ignore[attr-defined]


def test_where_nothing_can_be_written_it_is_compiled_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no directory")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    assert compiled.compiled(add)(2, 3) == 5


def test_a_disk_that_fills_up_costs_nothing_but_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", full)
    assert compiled.compiled(add)(2, 3) == 5
    assert files(tmp_path) == []


def test_what_lies_where_nothing_can_be_written_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiled.compiled(add)(2, 3)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    again = compiled.compiled(add)
    assert again(2, 3) == 5
    assert sum(again.stats.cache_hits.values()) == 1  # type: ignore[attr-defined]
