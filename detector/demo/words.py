"""What simulated agents say and what their tools answer: text made from word lists by a random stream."""

from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NOUNS = _words(
    """account adapter alarm amount archive backlog balance basket batch bottleneck branch bucket budget
    buffer cache carrier catalogue channel checkout client cluster collector column commit compiler
    condition container contract counter coupon cursor customer dashboard deadline delivery dependency
    deposit discount document endpoint estimate exception export field fixture forecast formula gateway
    handler header heuristic import index inventory invoice iterator journal keyboard ledger library
    limit listener loader margin matcher merchant message migration mirror module monitor network
    notebook operator order outage overlap package parameter parser partner payload payment pipeline
    planner policy portal prefix pricing process product profile promise query queue quota ranking
    receipt record refund region registry release report request resolver retry revision routine sample
    scheduler schema scope script segment sensor service session shipment signature snapshot source
    stream subscription summary supplier switch symbol table target template tenant threshold ticket
    token topic trace transfer trigger update validator variable vendor version voucher warehouse widget
    window worker workflow zone"""
)
VERBS = _words(
    """accepts adjusts admits aligns allocates applies archives blocks bounds calls checks closes collects
    combines compares confirms copies counts covers defers delays depends describes drops emits encodes
    enters expands explains exposes feeds filters follows forwards guards handles hides holds imports
    improves inherits joins keeps leaves limits links loads locks masks matches merges misses moves
    narrows needs notifies omits opens orders owns passes pauses posts prefers prepares prints produces
    raises reaches reads receives records refreshes refuses releases removes renames repeats replaces
    reports requires resets resolves returns reuses rounds saves scans selects sends serves settles
    shares signals skips sorts splits starts stores submits suggests supports tests tracks trims
    triggers uses validates wraps writes"""
)
ADJECTIVES = _words(
    """absent annual blank brief broken careful central cheap common complete costly current daily deep
    deferred distant double early empty exact external extra faulty final fixed foreign former frequent
    generous half hidden honest idle internal joint large late latest legacy light local lost main
    manual minor missing mixed modern monthly narrow nested nightly normal odd older open optional
    partial pending plain previous private proper public quick rare raw recent regional regular remote
    rough second secure separate shared short silent simple single slow small spare stable stale steady
    strict sudden tidy unique unknown unused upper urgent usual valid weekly whole wide"""
)
OPENERS = _words(
    """Therefore However Meanwhile Overall Still Also Moreover Elsewhere Later First Second Finally Notably
    Likewise Instead Otherwise"""
)
LINKS = ("before", "after", "while", "because", "although", "unless", "once", "so that", "whenever", "until")
_PATHS = ("api", "core", "jobs", "lib", "models", "rules", "store", "tasks", "views", "web")


def clause(rng: Random) -> str:
    """A clause of five to seven words: subject, verb, object."""
    object_ = f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}" if rng.random() < 0.6 else rng.choice(NOUNS)
    return f"the {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)} {rng.choice(VERBS)} the {object_}"


def sentence(rng: Random) -> str:
    """A sentence of six to sixteen words."""
    text = clause(rng)
    if rng.random() < 0.55:
        text = f"{text} {rng.choice(LINKS)} {clause(rng)}"
    if rng.random() < 0.3:
        text = f"{rng.choice(OPENERS)}, {text}"
    return f"{text[0].upper()}{text[1:]}."


def prose(rng: Random, words: int) -> str:
    """Sentences of `words` words in all, give or take one sentence."""
    parts: list[str] = []
    count = 0
    while count < words:
        parts.append(sentence(rng))
        count += parts[-1].count(" ") + 1
    return " ".join(parts)


def reworded(rng: Random, text: str, share: float) -> str:
    """The same text with `share` of its words replaced by others."""
    words = text.split(" ")
    for i in rng.sample(range(len(words)), max(1, round(len(words) * share))):
        words[i] = rng.choice(rng.choice((NOUNS, VERBS, ADJECTIVES)))
    return " ".join(words)


def path(rng: Random) -> str:
    """A source file's path."""
    return f"src/{rng.choice(_PATHS)}/{rng.choice(NOUNS)}_{rng.choice(NOUNS)}.py"


def name(rng: Random) -> str:
    """An identifier of three words."""
    return f"{rng.choice(NOUNS)}_{rng.choice(VERBS)}_{rng.choice(NOUNS)}"


def lines(rng: Random, first: int, count: int) -> str:
    """Numbered lines of a file, from line `first` on."""
    return "\n".join(
        f"{first + i:6d}  {name(rng)}({rng.choice(NOUNS)}, {rng.choice(ADJECTIVES)}={rng.choice(NOUNS)})"
        for i in range(count)
    )


def tests(rng: Random, failing: int) -> str:
    """The report of a test run in which `failing` tests fail."""
    if not failing:
        return f"{rng.randint(40, 400)} passed in {rng.uniform(2, 60):.2f}s"
    failed = "\n".join(
        f"FAILED tests/test_{rng.choice(NOUNS)}.py::test_{name(rng)} - {sentence(rng)}" for _ in range(failing)
    )
    return f"{failed}\n{failing} failed, {rng.randint(40, 400)} passed in {rng.uniform(2, 60):.2f}s"
