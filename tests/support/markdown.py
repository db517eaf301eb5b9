"""What a page of the documentation links to, and can be linked to by."""

import re
from pathlib import Path


def anchors(page: Path) -> set[str]:
    """Those that the headings of a page have."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
