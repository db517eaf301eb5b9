"""Which tasks a branch, a title or a message names."""

import re
from collections.abc import Iterable

MAX_TASKS = 20
"""Of one delivery; what names more is a list of tasks, not work on them."""
MAX_TEXT = 65_536
_LINE = 1024
_KEYWORD = re.compile(
    r"\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?)\b:?\s+", re.IGNORECASE
)
_AND = re.compile(r"\s*,\s*and\s+|\s*,\s*|\s+and\s+")
_ISSUE = r"[\w./-]{0,200}#[0-9]{1,10}\b"
_URL = r"https?://[\w.:/-]{1,300}/(?:issues|work_items)/[0-9]{1,10}\b"


class Finder:
    """Finds tickets by a pattern, and issues by the keywords that close them.

    pattern: of a ticket's name; issue_name: with {repository}, {name} and {number}.
    """

    def __init__(self, pattern: str, issue_name: str) -> None:
        # A name begins and ends where a word does: so a long word is looked at once, not from each of its letters.
        whole = rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])"
        self._ticket = re.compile(whole)
        self._reference = re.compile(f"{_URL}|{_ISSUE}|{whole}")
        self._name = issue_name

    def tickets(self, *texts: str | None) -> list[str]:
        """Tickets that lines of text name, each once, in their order."""
        found = (match[0] for text in texts if text for match in self._ticket.finditer(text[:_LINE]))
        return first(found)

    def closed(self, text: str | None, repository: str, home: str) -> list[str]:
        """Tickets and issues that a text closes: `closes #12, #13`, `fixes o/r#12`, `resolves PAY-1312`, an address.

        repository: whose issue `#12` is; home: what an issue's address begins with, as `https://github.com/`.
        """
        found: dict[str, None] = {}
        text = (text or "")[:MAX_TEXT]
        for keyword in _KEYWORD.finditer(text):
            place: int | None = keyword.end()
            while place is not None and len(found) < MAX_TASKS:
                reference = self._reference.match(text, place)
                if reference is None:
                    break
                task = self._task(reference[0], repository, home)
                if task:
                    found[task] = None
                following = _AND.match(text, reference.end())
                place = following.end() if following else None
        return list(found)

    def issue(self, repository: str, number: int) -> str:
        """The name of an issue."""
        name = self._name.replace("{number}", str(number)).replace("{name}", repository.rpartition("/")[2])
        return name.replace("{repository}", repository)

    def _task(self, reference: str, repository: str, home: str) -> str:
        if reference.startswith(("http://", "https://")):
            if not reference.startswith(home):
                return ""
            path, _, number = reference.removeprefix(home).rpartition("/")
            return self.issue(path.rpartition("/")[0].removesuffix("/-"), int(number))
        of, mark, number = reference.rpartition("#")
        return self.issue(of or repository, int(number)) if mark else reference


def first(tasks: Iterable[str]) -> list[str]:
    """Each once, no more than are taken; a pattern that matches nothing names none."""
    return list(dict.fromkeys(task for task in tasks if task))[:MAX_TASKS]


def trailers(text: str | None, name: str) -> list[str]:
    """What the lines `NAME: …` of a text say, each once."""
    if not name or not text:
        return []
    said = re.findall(rf"^{re.escape(name)}:[ \t]*(\S[^\r\n]*)", text[:MAX_TEXT], re.MULTILINE | re.IGNORECASE)
    return first(one.strip() for one in said)
