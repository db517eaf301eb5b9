"""The one configuration object: a TOML file, then DETECTOR_… variables; every threshold with unit and reason."""

import difflib
import hashlib
import os
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from detector.errors import ConfigError

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A table of the TOML file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kafka(Section):
    """How to reach the brokers."""

    bootstrap: str = Field("127.0.0.1:9092", description="broker addresses, host:port, comma separated")
    group: str = Field("detector", description="prefix of the consumer groups, one a stage")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = Field(None, description="better by variable or sasl_password_file")
    sasl_password_file: Path | None = None
    ssl_cafile: Path | None = Field(None, description="CA bundle in PEM; absent: the system's")
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    session_timeout_s: Positive = Field(30.0, description="a worker unheard for this long loses its partitions")


class Topics(Section):
    """Names, sizes and retention of the topics."""

    calls: str = "llm.calls"
    status: str = "task.status"
    observations: str = "detector.observations"
    state: str = "detector.state"
    rollups: str = "detector.rollups"
    baselines: str = "detector.baselines"
    links: str = "detector.links"
    alerts: str = "detector.alerts"
    dead_letters: str = "detector.dead-letters"
    partitions: Count = Field(8, description="of every topic that detector topics creates; at most this many watch workers")
    replication: Count = Field(1, description="copies of each topic that detector topics creates; 3 in production")


class Ingest(Section):
    """The stage that turns events into packed observations."""

    batch_records: Count = Field(2000, description="records taken from Kafka at once, at most")
    batch_wait_s: Positive = Field(0.1, description="how long a fetch waits for records; the price of a fuller batch")
    pack_observations: Count = Field(512, description="observations in one packed record, at most; Faust pays a record")
    max_record_bytes: Count = Field(16_777_216, description="a larger record is a dead letter")
    max_text_bytes: Count = Field(262_144, description="of one text this much is sketched, the rest is only counted")
    max_future_s: Positive = Field(300.0, description="an event further ahead of its broker's timestamp is taken at that timestamp")
    refuse_future_s: Positive = Field(86_400.0, description="an event further ahead than this is a dead letter")
    refuse_past_s: Positive = Field(8_640_000.0, description="an event older than this is a dead letter: 100 days, as long as books are kept")
    max_links: Count = Field(500_000, description="links from run to task held in memory, oldest leave first; about 250 B each")
    dead_letter_bytes: bool = Field(True, description="false: dead letters carry a reference and no bytes")


class Time(Section):
    """Event time: what waits how long."""

    lateness_s: NotNegative = Field(10.0, description="how far events of a run may be out of order")
    hold_back_s: Positive = Field(300.0, description="a source partition that lags holds the watermark back this much at most")
    result_wait_s: Positive = Field(900.0, description="a step waits this long for the results of its tools")
    idle_s: Positive = Field(86_400.0, description="a run or task unheard for this long is forgotten")
    heartbeat_s: Positive = Field(1.0, description="ingest tells the watermark at least this often")


class Watch(Section):
    """The stage that holds the state of runs and tasks."""

    checkpoint_s: Positive = Field(5.0, description="state is written this often; a crash replays this much")
    segments: Count = Field(16, description="a partition's state is written in this many pieces, the changed ones only")
    max_runs: Count = Field(50_000, description="runs remembered a partition; the longest unheard leave first")
    max_seen_ids: Count = Field(500_000, description="ids remembered a partition to know what is sent twice; 32 B each")
    seen_s: Positive = Field(86_400.0, description="how long an id is remembered, within max_seen_ids")


class LoopRule(Section):
    """Thresholds of `loop`; the evidence for each is in docs/detection.md."""

    enabled: bool = True
    rounds_short: Count = Field(4, description="rounds of period 1 or 2: 12 of 826 real runs reach it, 11 of them loops")
    rounds_middle: Count = Field(5, description="rounds of period 3 to 7: a short list of steps is repeated thrice honestly")
    rounds_long: Count = Field(4, description="rounds of period 8 to 12: so long a cycle does not recur by chance")
    window_steps: Count = Field(12, description="steps within which the rounds of period 1 or 2 must lie")
    rounds_no_result_warning: Count = Field(8, description="rounds where results are unknown: less known, more care")
    rounds_no_result_page: Count = Field(12, description="the same, before it may page")
    outputs_warning: Count = Field(6, description="like outputs in a row with no action: the longest innocent streak of 200 runs was 6")
    outputs_page: Count = Field(8, description="the same, before it may page")
    output_similarity: Annotated[float, Field(gt=0, le=1)] = Field(
        0.4, description="Jaccard of 8-byte shingles from which outputs are alike; a tenth of the words changed leaves about .5"
    )
    page_burnt_usd: NotNegative = Field(1.0, description="burnt, together with page_usd_per_hour, before it may page")
    page_usd_per_hour: NotNegative = Field(10.0, description="burning at, together with page_burnt_usd")
    page_burnt_alone_usd: NotNegative = Field(20.0, description="burnt before it may page at any rate")
    warning_usd: NotNegative = Field(0.1, description="burnt before it is more than a line on a board")


class InflationRule(Section):
    """Thresholds of `run_inflation`."""

    enabled: bool = True
    info_calls: Count = Field(10, description="calls without a strong status: an auditor's red flag, and 62 % of ordinary runs")
    warning_calls: Count = Field(20, description="calls without a strong status: 91 % of runs beyond had failed")


class SpikeRule(Section):
    """Thresholds of `spend_spike`; measured on simulated fleets over real request rates."""

    enabled: bool = True
    times_usual: Positive = Field(5.0, description="the hour's dollars over the usual active hour's")
    floor_usd: NotNegative = Field(20.0, description="dollars above usual in the hour")
    hours_since_strong: NotNegative = Field(8.0, description="usual hours of dollars spent since the last strong status")
    calm_s: NotNegative = Field(3600.0, description="no strong or medium status for this long")
    slices: Annotated[int, Field(ge=1, le=4)] = Field(3, description="of the last four ten-minute slices, burning in this many")
    young_hours: Count = Field(20, description="active hours in 7 days below which a subject is young and not judged by itself")


class Rules(Section):
    """All rules."""

    loop: LoopRule = LoopRule()
    run_inflation: InflationRule = InflationRule()
    spend_spike: SpikeRule = SpikeRule()


class Override(Section):
    """Other thresholds for a tenant, team or agent; all that are given must match, later ones win."""

    tenant: str | None = None
    team: str | None = None
    agent: str | None = None
    rules: dict[str, dict[str, Any]] = Field(description="as [rules], only the keys that differ")


class Episodes(Section):
    """When an episode is updated and ends."""

    quiet_s: Positive = Field(900.0, description="quiet for the longer of this and quiet_gaps of its own gaps: it resolves")
    quiet_gaps: Positive = 3.0
    update_factor: Annotated[float, Field(gt=1)] = Field(2.0, description="an update at each growth of its cost by this factor")
    max_call_ids: Count = Field(50, description="call ids in the evidence: the first of the episode and the newest")


class Statuses(Section):
    """Whether anything tells what became of the work."""

    connected: Literal["auto", "yes", "no"] = Field("auto", description="auto: yes while one was seen within silent_s")
    silent_s: Positive = Field(604_800.0, description="without any status for this long there is no source")


class Privacy(Section):
    """How people appear."""

    pseudonym_key: SecretStr | None = Field(None, description="secret of the keyed hash; better by variable or file")
    pseudonym_key_file: Path | None = None
    plain_users: bool = Field(False, description="true: users appear as they are sent")


class Notify(Section):
    """Delivery to Alertmanager."""

    alertmanagers: list[str] = Field([], description="base addresses, each is sent every alert; empty: nothing is sent")
    resend_s: Positive = Field(60.0, description="a firing alert is sent again this often")
    ends_s: Positive = Field(900.0, description="it ends by itself this long after the last send: outlives a restart of notify")
    timeout_s: Positive = 10.0
    bearer_token: SecretStr | None = None
    bearer_token_file: Path | None = None
    min_severity: Literal["info", "warning", "critical"] = "info"
    runbook_base: str = Field(
        "https://github.com/detector/detector/blob/main/docs/runbooks",
        description="where docs/runbooks is published; an alert links to its rule's page there",
    )


class Web(Section):
    """The server of metrics and health."""

    host: str = Field("127.0.0.1", description="address to listen on; loopback unless told otherwise")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(9464, description="0: any free port, which is logged")


class Metrics(Section):
    """What bounds the number of time series."""

    max_label_values: Count = Field(200, description="values a label (team, agent, model, tenant); further ones become 'other'")


class Log(Section):
    """Logging to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "text"


class Config(BaseSettings):
    """Everything that can be set. Variables: DETECTOR_SECTION__KEY, as DETECTOR_KAFKA__BOOTSTRAP."""

    model_config = SettingsConfigDict(
        env_prefix="DETECTOR_", env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )

    kafka: Kafka = Kafka()
    topics: Topics = Topics()
    ingest: Ingest = Ingest()
    time: Time = Time()
    watch: Watch = Watch()
    rules: Rules = Rules()
    episodes: Episodes = Episodes()
    statuses: Statuses = Statuses()
    privacy: Privacy = Privacy()
    notify: Notify = Notify()
    web: Web = Web()
    metrics: Metrics = Metrics()
    log: Log = Log()
    overrides: list[Override] = []

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, **_: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables win over the file (whose content comes as init settings)."""
        return env_settings, init_settings

    def rules_for(self, tenant: str, team: str | None, agent: str | None) -> Rules:
        """The rules with the overrides that match this subject."""
        return _rules_for(self, tenant, team, agent)

    def digest(self) -> str:
        """Eight hex digits that change with anything that can change a verdict."""
        told = self.model_dump_json(include={"rules", "episodes", "statuses", "time", "overrides"})
        return hashlib.sha256(told.encode()).hexdigest()[:8]


@lru_cache(maxsize=4096)
def _rules_by_overrides(rules: Rules, found: str) -> Rules:
    merged = rules.model_dump()
    for patch in msgspec_loads(found):
        for rule, values in patch.items():
            merged[rule].update(values)
    return Rules.model_validate(merged)


def msgspec_loads(text: str) -> Any:
    """JSON text to objects."""
    import json

    return json.loads(text)


def _rules_for(config: Config, tenant: str, team: str | None, agent: str | None) -> Rules:
    if not config.overrides:
        return config.rules
    import json

    patches = [
        o.rules
        for o in config.overrides
        if o.tenant in (None, tenant) and o.team in (None, team) and o.agent in (None, agent)
    ]
    return _rules_by_overrides(config.rules, json.dumps(patches)) if patches else config.rules


def load_config(path: Path | str | None = None, **settings: Any) -> Config:
    """Reads the TOML file at `path` (or $DETECTOR_CONFIG, or nothing), then variables; raises ConfigError.

    `settings` stand in for the file's sections, for callers that set some by program.
    """
    raise NotImplementedError
