"""Which branch a directory is on."""

from pathlib import Path

import pytest

from detector.branches import branch_of


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / ".git" / "HEAD").write_text("ref: refs/heads/feature/PAY-1312-x\n")
    return tmp_path / "repo"


def test_it_is_that_of_the_repository_around_a_directory(repository: Path) -> None:
    within = repository / "a" / "b"
    within.mkdir(parents=True)
    assert branch_of(repository) == branch_of(within) == "feature/PAY-1312-x"


@pytest.mark.parametrize("absolute", [True, False])
def test_a_worktree_has_its_own(repository: Path, absolute: bool) -> None:
    files = repository / ".git" / "worktrees" / "other"
    files.mkdir(parents=True)
    (files / "HEAD").write_text("ref: refs/heads/OPS-9\n")
    other = repository.parent / "other"
    other.mkdir()
    (other / ".git").write_text(f"gitdir: {files if absolute else '../repo/.git/worktrees/other'}\n")
    assert branch_of(other) == "OPS-9"


@pytest.mark.parametrize("head", [b"", b"9c1185a5c5e9fc54612808977ee8f548b2258d31\n", b"\xff\xfe", b"ref: refs/tags/x"])
def test_where_none_is_checked_out_there_is_none(repository: Path, head: bytes) -> None:
    (repository / ".git" / "HEAD").write_bytes(head)
    assert branch_of(repository) is None


def test_outside_of_a_repository_there_is_none(tmp_path: Path) -> None:
    assert branch_of(tmp_path / "no such") is None
    assert branch_of(tmp_path / "\0") is None


@pytest.mark.parametrize("pointer", ["gitdir: \0", "gitdir: /no/such", "something else", ""])
def test_files_that_are_not_as_git_writes_them_are_none(tmp_path: Path, pointer: str) -> None:
    (tmp_path / ".git").write_text(pointer)
    assert branch_of(tmp_path) is None


def test_a_repository_without_a_head_is_none(repository: Path) -> None:
    (repository / ".git" / "HEAD").unlink()
    assert branch_of(repository) is None
