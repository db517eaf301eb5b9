"""What is fuzzed: every decoder of bytes from outside or from a topic, and the whole of ingest without a broker.

A target takes an input and returns whether it was accepted. It raises for a fault only: each declared refusal is caught
here, by name.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from detector.accounts.rows import VERSION as PORTFOLIO
from detector.alerts.endpoint import read_shown
from detector.alerts.probe import read_version
from detector.config import Config
from detector.config.load import load_config
from detector.engine import Engine
from detector.errors import ConfigError, DetectorError
from detector.model.baseline import encode_baselines
from detector.model.packed import decode_packed
from detector.model.rollup import decode_rollup
from detector.portfolio import Portfolio
from detector.replay.finding import find
from detector.replay.reading import Reading
from detector.state.layout import VERSION as WATCH
from tests.fuzz import batches, corpus, tries
from tests.fuzz.ingest import ingest
from tests.fuzz.mutate import Mutator, to_json, to_msgpack
from tests.fuzz.posted import posted
from tests.fuzz.texts import texts
from tests.fuzz.tries import Try
from tests.support import bodies, hooks


class Target(NamedTuple):
    """`begin` makes what tries inputs; `corpus` and `trees` are what mutations start from, `encode` writes trees."""

    says: str
    begin: Callable[[], Try]
    corpus: Callable[[], Sequence[bytes]]
    trees: Callable[[], Sequence[Any]] = lambda: ()
    encode: Callable[[Any], bytes] | None = None

    def mutator(self, seed: int) -> Mutator:
        """Inputs without end."""
        return Mutator(seed, self.corpus(), self.trees(), self.encode)


def _json_trees(lines: Callable[[], Sequence[bytes]]) -> Callable[[], list[Any]]:
    return lambda: [json.loads(line) for line in lines()]


def _calls() -> list[bytes]:
    return [json.dumps(e, ensure_ascii=False).encode() for e in corpus.events()] + corpus.examples("llm.calls")


def _mixed() -> list[bytes]:
    own = corpus.events()
    return [*_calls(), *corpus.examples("task.status"), json.dumps(own).encode(), json.dumps(own[:2]).encode(), b"[]"]


def _foreign() -> list[bytes]:
    return [body for of_format in bodies.BODIES.values() for body in of_format]


def _read(path: Path) -> None:
    for line in Reading(Config(), find([str(path)]), lambda n: None).lines():
        assert isinstance(line.value, bytes) or corpus.MARK not in line.value.field + line.value.detail


def _linked() -> list[bytes]:
    return [b'{"tenant":"acme","run":"r1","task":"T1"}', *corpus.examples("detector.links")]


TOML = b"""[kafka]
bootstrap = "broker-1.example:9093,broker-2.example:9093"
security_protocol = "SASL_SSL"
sasl_password = "secret"
[topics]
partitions = 16
[time]
lateness_s = 10.0
[notify]
alertmanagers = ["http://alertmanager-0.example:9093"]
[rules.loop]
page_burnt_usd = 5.0
[[overrides]]
team = "research"
[overrides.rules.loop]
page_burnt_usd = 5.0
"""
LIST = b"""[[price]]
model = "our-llama*"
input_usd_per_mtok = 0.8
output_usd_per_mtok = 2.4
[[price]]
model = "claude-sonnet-4-5"
provider = "bedrock"
tenant = "default"
service_tier = "batch"
from = 2026-12-01
input_usd_per_mtok = 2.7
cache_write_1h_usd_per_mtok = 5.4
[[price.tiers]]
above_input_tokens = 200_000
input_usd_per_mtok = 5.4
"""
SHOWN = json.dumps(
    [{"labels": {"episode": "e1", "alertname": "loop"}, "annotations": {"a": "b"}, "status": {"state": "active"}}] * 2
).encode()
ABOUT = json.dumps({"versionInfo": {"version": "0.27.0"}, "uptime": "x", "cluster": {"peers": [{}]}}).encode()


def _baseline_records() -> list[bytes]:
    from detector.model.baseline import FORMAT, Baseline, Baselines

    one = Baseline(1_795_165_200.0, 1_795_165_100.0, {"bug": (40, 12)}, {"fixer": (60, 9000), "": (1, 2)})
    return [encode_baselines(Baselines(FORMAT, "acme", "payments", one, one)), *corpus.made().baselines]


def _of_topic(name: str) -> Callable[[], list[Any]]:
    return lambda: corpus.as_trees(getattr(corpus.made(), name))


TARGETS: dict[str, Target] = {
    "calls": Target("events of llm.calls", tries.events("calls"), _calls, _json_trees(_calls), to_json),
    "status": Target("events of task.status", tries.events("status"), _mixed, _json_trees(_mixed), to_json),
    "recorded": Target(
        "a file to be replayed, of any format",
        tries.file(_read, DetectorError),
        lambda: [
            b"\n".join(_calls()[:4]),
            json.dumps(corpus.events()[:3]).encode(),
            *(body for of_format in bodies.ALL.values() for body in of_format),
        ],
    ),
    "ingest": Target(
        "the whole of ingest: batches in, all that goes out checked", ingest, _mixed, _json_trees(_mixed), to_json
    ),
    "formats": Target(
        "the whole of ingest over topics that others write",
        lambda: ingest([*bodies.BODIES, "cloudevents"]),
        _foreign,
        lambda: [json.loads(body) for body in _foreign() if body[:1] in b"[{"],
        to_json,
    ),
    "gateway": Target(
        "bodies that are posted: what goes to Kafka is what ingest takes",
        posted,
        lambda: [*_foreign(), *_mixed()],
        lambda: [json.loads(body) for body in [*_foreign(), *_mixed()] if body[:1] in b"[{"],
        to_json,
    ),
    "webhooks": Target(
        "deliveries of webhooks of every kind, signed as they must be",
        tries.webhooks,
        lambda: [sent.body for sent in hooks.SENT],
        lambda: [sent.said for sent in hooks.SENT],
        to_json,
    ),
    "batches": Target("batches of records as the broker has them", batches.fetched, batches.of_each_codec),
    "texts": Target("compiled loops over texts, which may read no byte beyond them", texts, lambda: corpus.TEXTS),
    "sketch": Target("sketches that producers made", lambda: tries.sketch, lambda: corpus.SKETCHES),
    "link": Target(
        "arguments of `detector link`",
        lambda: tries.links,
        lambda: [b"r1\nT1\nacme\n2026-11-20T09:14:03Z\nid", b"r\nt"],
    ),
    "links": Target("records of detector.links", tries.link_records, _linked, _json_trees(_linked), to_json),
    "packed": Target(
        "records of detector.observations, and the engine on them",
        tries.processed(Engine, decode_packed),
        lambda: corpus.made().packed,
        _of_topic("packed"),
        to_msgpack,
    ),
    "rollup": Target(
        "records of detector.rollups, and portfolio on them",
        tries.processed(Portfolio, decode_rollup),
        lambda: corpus.made().rollups,
        _of_topic("rollups"),
        to_msgpack,
    ),
    "baseline": Target(
        "records of detector.baselines",
        tries.baselines,
        _baseline_records,
        lambda: corpus.as_trees(_baseline_records()),
        to_msgpack,
    ),
    "alert": Target(
        "records of detector.alerts, and what Alertmanager is told",
        lambda: tries.alert,
        lambda: corpus.made().alerts,
        lambda: [json.loads(a) for a in corpus.made().alerts],
        to_json,
    ),
    "stop": Target(
        "records of detector.stops, and what is asked and told of them",
        lambda: tries.stop,
        lambda: corpus.examples("detector.stops"),
        _json_trees(lambda: corpus.examples("detector.stops")),
        to_json,
    ),
    "changelog": Target(
        "keys and manifests of checkpoints",
        lambda: tries.changelog,
        lambda: [to_msgpack(corpus.made().changelog)],
        lambda: [corpus.made().changelog],
        to_msgpack,
    ),
    "watch-state": Target(
        "segments of watch's state",
        tries.restored(Engine, lambda: corpus.made().watch),
        lambda: tries.numbered(corpus.made().watch),
        lambda: tries.kept_in(corpus.made().watch, WATCH),
        tries.sealed(WATCH),
    ),
    "portfolio-state": Target(
        "segments of portfolio's state",
        tries.restored(Portfolio, lambda: corpus.made().portfolio),
        lambda: tries.numbered(corpus.made().portfolio),
        lambda: tries.kept_in(corpus.made().portfolio, PORTFOLIO),
        tries.sealed(PORTFOLIO),
    ),
    "config": Target("the configuration file", tries.file(load_config, ConfigError), lambda: [TOML, LIST]),
    "prices": Target("the price list", tries.file(tries.prices, ConfigError), lambda: [LIST, TOML]),
    "shown": Target(
        "what an Alertmanager shows as firing",
        tries.answers(read_shown),
        lambda: [SHOWN],
        lambda: [json.loads(SHOWN)],
        to_json,
    ),
    "about": Target(
        "what an Alertmanager says of itself",
        tries.answers(read_version),
        lambda: [ABOUT],
        lambda: [json.loads(ABOUT)],
        to_json,
    ),
}
