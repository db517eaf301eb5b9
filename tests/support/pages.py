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
