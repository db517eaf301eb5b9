"""Words for a terminal."""


def line(text: str) -> str:
    """A name that fits a line and does nothing to a terminal, whoever made it."""
    return text if text.isprintable() else repr(text)


def many(count: int, one: str) -> str:
    """As "1 call", "2 calls"."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"
