"""How the books are written down: pages, each whole or what changed in it."""

from collections.abc import Iterator
from typing import Any

from detector.ledger.books import Books
from detector.ledger.names import Who

FROM = 1_000_000
"""Segment numbers from here on are pages of the ledger."""
_SPAN = 1_000_000


def numbers(books: Books) -> Iterator[int]:
    """Numbers of all pages."""
    for n, pages in enumerate(books.pages, 1):
        yield from (n * _SPAN + page for page in pages.pages())


def changed(books: Books) -> Iterator[int]:
    """Of those that changed since `clean`."""
    for n, pages in enumerate(books.pages, 1):
        yield from (n * _SPAN + page for page in pages.changed())


def encode(books: Books, number: int, changes: bool) -> list[Any]:
    """A page as plain values: all of it, or what changed since `clean`."""
    kind, page = divmod(number, _SPAN)
    return books.pages[kind - 1].encode(page, changes)


def clean(books: Books) -> None:
    """A checkpoint holds everything."""
    for pages in books.pages:
        pages.clean()


def restore(books: Books, number: int, kept: list[Any]) -> None:
    """Takes back what `encode` gave, in the order of its writing; `finish` comes after the last."""
    books.pages[number // _SPAN - 1].restore(kept)


def finish(books: Books) -> None:
    """All has been taken back, `common` too: what is found by keys and names is found again."""
    for pages in books.pages:
        pages.finish()
    for code, who in list(books.whos.beside.items()):
        books.whos.beside[code] = Who(*who)
    books.codes = {who: code for code, who in books.whos.beside.items()}
    keys = books.purses.rows["key"]
    slots = books.purses.slots()
    books.places.fill(keys[slots], slots)
    links = books.links
    books.task_of = {
        int(links.rows["run"][slot]): (int(links.rows["task"][slot]), links.beside[slot])
        for slot in links.slots().tolist()
    }
    for told in books.taken.live():
        if told["reverted"]:
            books.outcomes.revert(int(told["deliverable"]), float(told["t"]))
        else:
            books.outcomes.rewrite(int(told["deliverable"]), float(told["churned"]), float(told["t"]))
    books.outcomes.any_status = bool(books.common.statuses)
    clean(books)
