"""Which branch a directory is on, read from git's files: nothing is run, whatever a repository configures."""

from pathlib import Path

_HEAD = "ref: refs/heads/"
_POINTER = "gitdir: "
_MOST = 4096


def branch_of(directory: Path) -> str | None:
    """The branch of the repository or worktree that a directory is in; None where there is none.

    Never raises: what cannot be read is no branch.
    """
    try:
        for place in (directory, *directory.parents):
            git = place / ".git"
            if git.is_file():  # of a worktree or a submodule: it says where its files are
                pointer = _read(git)
                git = place / pointer.removeprefix(_POINTER) if pointer.startswith(_POINTER) else git
            if git.is_dir():
                head = _read(git / "HEAD")
                return head.removeprefix(_HEAD) if head.startswith(_HEAD) else None
    except (OSError, ValueError):
        pass
    return None


def _read(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(_MOST).decode(errors="replace").strip()
