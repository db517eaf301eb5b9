"""What a browser would make of a page of ours, and what may be in one."""

from html.parser import HTMLParser

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;[red]x[/red]\x1b[31m\u202e\ud800"
TAGS = """html head meta title style body header main footer section article aside figure figcaption details summary
    h1 h2 h3 p b span bdi div dl dt dd ul li table caption tr th td svg path rect line text"""
ATTRIBUTES = """class role scope lang charset content http-equiv name width height x y x1 x2 y1 y2 d viewbox
    preserveaspectratio overflow text-anchor aria-label aria-hidden"""


class Seen(HTMLParser):
    """What a browser would make of a page: its tags, attributes, and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.attributes, self.texts, self.metas = set[str](), set[str](), list[str](), list[dict[str, str]]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "meta":
            self.metas.append({name: value or "" for name, value in attrs})

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def seen(html: str) -> Seen:
    parser = Seen()
    parser.feed(html)
    parser.close()
    return parser


def loads_nothing(html: str) -> Seen:
    """The page, which has no script and nothing from elsewhere in it."""
    told = seen(html)
    assert told.tags <= set(TAGS.split())
    assert told.attributes <= set(ATTRIBUTES.split())
    assert "url(" not in html
    assert "http:" not in html.replace("http-equiv", "")
    return told


_VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})
_SHAPES = frozenset({"path", "rect", "line", "circle"})
"""Tags that are never closed, and those that are always written as closed."""


class _Nested(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _SHAPES | _VOID, tag

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes something else"


def is_nested(html: str) -> bool:
    """Whether every tag is closed in its place."""
    parser = _Nested()
    parser.feed(html)
    parser.close()
    return not parser.open
