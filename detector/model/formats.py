"""Records of another format than this version reads: refused with what to do, never misread."""


def other_format(what: str, found: int, read: int, reader: str) -> ValueError:
    """The error for records in hand of format `found`, where `reader` (a stage) reads `read`."""
    newer, older = f"upgrade {reader} first", f"let the version that wrote them run {reader} until none is left"
    return ValueError(f"{what} of format {found}; this version reads {read}: {newer if found > read else older}")
