"""What a short result says, where it says little else: that something is under way, that a rate limit holds, no."""

import re

from detector.model import packed as pk

WAIT_BYTES, LIMIT_BYTES, NO_BYTES = 160, 600, 80
"""How long a result may be that says so."""

_UNDER_WAY = (
    r"running|pending|queued|in[ _-]?queue|in[ _-]?progress|processing|building|starting|provisioning|scheduled|waiting"
    r"|creating|deploying|updating|training|compiling|validating|executing|downloading|uploading|installing"
    r"|initiali[sz]ing|under ?way|ongoing|accepted|submitted|enqueued"
)
_NOT_OVER = r"not (?:yet )?(?:ready|finished|done|completed?|available)"
_STATUS_KEY = rf'"(?:\w*(?:status|state|phase|stage))"\s*:\s*"\s*(?:still )?(?:{_UNDER_WAY}|{_NOT_OVER})\b'
_FALSE_KEY = r'"(?:done|ready|finished|completed?|is_?(?:done|ready|complete))"\s*:\s*false'
_BY_VERB = (
    r"\b(?:is|are|was|has been|still|currently|status|state)\b[^.]{0,20}?"
    rf"\b(?:{_UNDER_WAY})\b(?! (?:on|at|port|in /))"
)  # fmt: skip
_OF_JSON = re.compile(f"{_STATUS_KEY}|{_FALSE_KEY}", re.IGNORECASE)
_WAIT = re.compile(
    rf"{_BY_VERB}|\b{_NOT_OVER}\b|\bplease wait\b|\bworking on it\b|\b202 accepted\b"
    r"|\beta:? \d|\bläuft\b|\bin bearbeitung\b|\bwird (?:noch )?(?:verarbeitet|ausgeführt|erstellt)\b",
    re.IGNORECASE,
)
_FEW_WORDS = re.compile(
    rf"\W*(?:[\w#%.-]+\W+){{0,2}}(?:{_UNDER_WAY}|unfinished)\b(?:\W+[\w%.-]+)?\W*"
    r"|\W*(?:waiting|queued|pending|scheduled|creating)\b(?:\W+[\w%.-]+){0,3}\W*",
    re.IGNORECASE,
)
_OVER = re.compile(
    r"\b(?<!not )(?<!not yet )(?:completed|succeeded|finished|done)\b(?!\"?\s*:)|\bstarted on\b", re.IGNORECASE
)
_CODE = re.compile(r"\w\(|==|;|\{|\[-|--\w|\bdef\b")

_LIMIT = re.compile(
    r"rate[ _-]?limit|too ?many ?requests|\b429\b|quota exceeded|current quota|usage limit|requests? per minute"
    r"|slow ?down|reduce your request rate|throughput ?exceeded|throttl|overloaded|resource[ _]?exhausted"
    r"|retry-after|zu viele anfragen",
    re.IGNORECASE,
)
_OF_CODE = re.compile(r"\.(?:py|js|ts|go|java|rs|rb|md|txt)\b|test_|\b(?:raise|def|class|import|return|except|catch)\b")

_SAID_OF_NO = frozenset(
    [
        "error",
        "errors",
        "message",
        "status",
        "code",
        "detail",
        "reason",
        "result",
        "results",
        "ok",
        "false",
        "null",
        "none",
        "404",
        "not",
        "found",
        "no",
        "such",
        "match",
        "matches",
        "row",
        "rows",
        "record",
        "records",
        "key",
        "item",
        "user",
        "file",
        "entry",
        "exist",
        "does",
        "doesn't",
        "exists",
        "notfound",
        "notfounderror",
        "unknown",
        "0",
        "the",
        "a",
        "keyerror",
        "success",
    ]
)
_WORD = re.compile(r"[a-z0-9']+")


def flags_of(raw: bytes, failed: bool, limited: bool) -> int:
    """Flags of a row by what a result says. `failed`, `limited`: it holds words of a failure, of a rate limit."""
    n = len(raw)
    if not failed and not limited and n > WAIT_BYTES:
        return pk.SAYS_OTHER
    text = raw[:LIMIT_BYTES].decode(errors="replace") if n <= LIMIT_BYTES else ""
    if limited and n <= LIMIT_BYTES and _says_limit(text):
        return pk.SAYS_OTHER | pk.RATE_LIMITED | (pk.SAYS_FAILED if failed else 0)
    if failed:
        return pk.SAYS_OTHER if n <= NO_BYTES and _says_no(text) else pk.SAYS_OTHER | pk.SAYS_FAILED
    return pk.SAYS_WAIT if n <= WAIT_BYTES and _says_wait(text) else pk.SAYS_OTHER


def _says_wait(text: str) -> bool:
    if _OVER.search(text):
        return False
    if _OF_JSON.search(text):
        return True
    text = text.replace("_", " ")
    return _CODE.search(text) is None and (_WAIT.search(text) or _FEW_WORDS.fullmatch(text)) is not None


def _says_limit(text: str) -> bool:
    found = _LIMIT.search(text)
    return found is not None and _OF_CODE.search(text[: found.end()]) is None


def _says_no(text: str) -> bool:
    """Whether it says that something is not there, and little else: an answer, not a failure."""
    words = _WORD.findall(text.lower().replace("_", " "))
    return bool({"found", "404", "such", "exist", "unknown", "notfound", "notfounderror"} & set(words)) and all(
        word in _SAID_OF_NO for word in words
    )
