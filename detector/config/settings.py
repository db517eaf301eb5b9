"""The sections of the configuration but the rules: every key with its default, its unit and its reason."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from detector import stop_command
from detector.config.addresses import asked, public
from detector.links import FIELDS, unknown_fields

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Name = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A table of the TOML file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Kafka(Section):
    """How to reach the brokers."""

    bootstrap: str = Field("127.0.0.1:9092", description="broker addresses, host:port, comma separated")
    group: str = Field("detector", description="prefix of the consumer groups, one a stage")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="SSL encrypts, SASL asks for a login"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="how to log in, where the protocol is a SASL one"
    )
    sasl_username: str | None = Field(None, description="who logs in")
    sasl_password: SecretStr | None = Field(None, description="secret; better by variable or sasl_password_file")
    sasl_password_file: Path | None = Field(None, description="file that holds the password; wins over a value")
    ssl_cafile: Path | None = Field(None, description="CA bundle in PEM; absent: the system's")
    ssl_certfile: Path | None = Field(None, description="client certificate in PEM, where the brokers ask for one")
    ssl_keyfile: Path | None = Field(None, description="its key in PEM, not encrypted")
    session_timeout_s: Positive = Field(30.0, description="a worker unheard for this long loses its partitions")

    @field_validator("bootstrap")
    @classmethod
    def _holds_no_login(cls, addresses: str) -> str:
        if "@" in addresses:  # addresses are told in errors, logs and health
            raise ValueError("must not hold credentials; use kafka.sasl_username and kafka.sasl_password_file")
        return addresses


class Topics(Section):
    """Names, sizes and retention of the topics."""

    calls: Name = Field("llm.calls", description="read: calls and tool results")
    status: Name = Field("task.status", description="read: statuses and links")
    observations: Name = Field("detector.observations", description="ingest to watch: packed, without text")
    state: Name = Field("detector.state", description="checkpoints of watch, compacted")
    rollups: Name = Field("detector.rollups", description="watch to portfolio: sums a minute")
    baselines: Name = Field("detector.baselines", description="portfolio to watch: what is usual, compacted")
    accounts: Name = Field("detector.accounts", description="checkpoints of portfolio, compacted")
    links: Name = Field("detector.links", description="run to task, compacted")
    alerts: Name = Field("detector.alerts", description="written: alert records, compacted, kept 30 days")
    stops: Name = Field("detector.stops", description="written: what was asked to be stopped, compacted; see stop.mode")
    dead_letters: Name = Field("detector.dead-letters", description="written: what could not be used; kept 3 days")
    partitions: Count = Field(
        8, description="of every topic that detector topics creates; at most this many watch workers"
    )
    replication: Count = Field(1, description="copies of each topic that detector topics creates; 3 in production")


class Ingest(Section):
    """The stage that turns events into packed observations."""

    batch_records: Count = Field(2000, description="records taken from Kafka at once, at most")
    batch_wait_s: Positive = Field(0.1, description="how long a fetch waits for records; the price of a fuller batch")
    pack_observations: Count = Field(512, description="observations in one packed record, at most; Faust pays a record")
    max_record_bytes: Count = Field(16_777_216, description="a larger record is a dead letter")
    max_future_s: Positive = Field(
        300.0, description="an event further ahead of its broker's timestamp is taken at that timestamp"
    )
    refuse_future_s: Positive = Field(86_400.0, description="an event further ahead than this is a dead letter")
    refuse_past_s: Positive = Field(
        8_640_000.0,
        description="an event older than this is a dead letter: 100 days, as long as books are kept",
    )
    max_links: Count = Field(
        500_000, description="links from run to task held in memory, oldest leave first; about 250 B each"
    )
    dead_letter_bytes: bool = Field(True, description="false: dead letters carry a reference and no bytes")


MAX_METERS = 8
"""Sources whose tellings of one run are told apart."""


class Identity(Section):
    """What of several tellings of one run counts, and which agents are no people."""

    meters: Annotated[list[Name], Field(max_length=MAX_METERS)] = Field(
        ["litellm", "claude_code", "codex", "gemini_cli", "spans"],
        description="sources; of those that tell of one run the first one counts its calls. Others always count",
    )
    services: list[Name] = Field(
        [],
        description="agents that are no people, * for any text: where sources put people's names (a gateway's key "
        "alias) all others are pseudonyms",
    )

    @field_validator("meters")
    @classmethod
    def _are_different(cls, names: list[str]) -> list[str]:
        if len(set(names)) != len(names):
            raise ValueError("each source may be named once")
        return names


class Time(Section):
    """Event time: what waits how long."""

    lateness_s: NotNegative = Field(10.0, description="how far events of a run may be out of order")
    hold_back_s: Positive = Field(
        300.0, description="a source partition of which nothing more is forwarded is waited for this long"
    )
    result_wait_s: Positive = Field(900.0, description="a step waits this long for the results of its tools")
    idle_s: Positive = Field(86_400.0, description="a run or task unheard for this long is forgotten")
    heartbeat_s: Positive = Field(1.0, description="ingest tells the watermark at least this often")


class Watch(Section):
    """The stage that holds the state of runs and tasks."""

    checkpoint_s: Positive = Field(
        5.0, description="state, of portfolio too, is written this often; a crash replays this much"
    )
    segments: Count = Field(16, description="a partition's state is written in this many pieces, the changed ones only")
    max_runs: Count = Field(
        50_000, description="runs, tasks and agents remembered a partition, of each; the longest unheard leave first"
    )
    max_waiting: Count = Field(
        100_000,
        description="observations a partition that wait for a source that is behind, 0.6 kB each; the oldest leave",
    )
    max_seen_ids: Count = Field(
        500_000, description="ids remembered a partition to know what is sent twice; up to 40 B each"
    )
    seen_s: Positive = Field(86_400.0, description="how long an id is remembered, within max_seen_ids")


class Portfolio(Section):
    """The stage that holds the accounts of teams, agents and tasks."""

    segments: Count = Field(16, description="a partition's state is written in this many pieces, the changed ones only")
    max_accounts: Count = Field(
        200_000, description="tasks and agents remembered a partition, of each; the longest unheard leave first"
    )
    max_tasks: Count = Field(
        500_000,
        description="tasks, and runs without one, of whose 100 days each is known by itself a partition; of those "
        "beyond, the longest unheard, the sums stay",
    )
    max_teams: Count = Field(
        10_000, description="teams and models known a partition, of each; what further teams spend is team 'other'"
    )


class Prices(Section):
    """What calls cost that do not tell it."""

    list_file: Path | None = Field(
        None, description="price list of your own in TOML, which wins over the price library; read at the start"
    )
    own_list_wins_over_told: bool = Field(
        False,
        description="true: its prices win over cost_usd too; false, as whoever tells a cost may have seen the bill",
    )


class States(Section):
    """Which states of trackers are of which category; letters and separators do not count, own lists replace these."""

    backlog: list[str] = Field(["triage", "new", "open", "to triage"], description="not planned yet")
    planned: list[str] = Field(["todo", "to do", "ready", "selected for development"], description="to be done")
    started: list[str] = Field(
        ["in progress", "in review", "reopened", "doing", "blocked"], description="somebody or something works on it"
    )
    completed: list[str] = Field(
        ["done", "closed", "resolved", "merged", "released", "deployed", "shipped"], description="done"
    )
    not_planned: list[str] = Field(
        ["canceled", "cancelled", "won't do", "won't fix", "declined", "rejected"], description="will not be done"
    )
    duplicate: list[str] = Field([], description="another one is done in its place")


class Statuses(Section):
    """Whether anything tells what became of the work."""

    connected: Literal["auto", "yes", "no"] = Field("auto", description="auto: yes while one was seen within silent_s")
    silent_s: Positive = Field(604_800.0, description="without any status for this long there is no source")
    states: States = States()


class Privacy(Section):
    """How people appear."""

    pseudonym_key: SecretStr | None = Field(None, description="secret of the keyed hash; better by variable or file")
    pseudonym_key_file: Path | None = Field(None, description="file that holds the key; wins over a value")
    plain_users: bool = Field(False, description="true: users appear as they are sent")


class Policy(Section):
    """Who sees what."""

    file: Path | None = Field(
        None, description="grants by token and header, in TOML; absent: everybody sees teams without people"
    )
    token: SecretStr | None = Field(
        None, description="secret: token of whoever runs a command (audit, who); better by variable or file"
    )
    token_file: Path | None = Field(None, description="file that holds it; wins over a value")
    trail_file: Path | None = Field(
        None, description="file that gets a line for each question of `detector who`; it does not answer without one"
    )


class Notify(Section):
    """Delivery to Alertmanager."""

    alertmanagers: list[str] = Field([], description="base addresses, each is sent every alert; empty: nothing is sent")
    resend_s: Positive = Field(60.0, description="a firing alert is sent again this often")
    ends_s: Positive = Field(
        900.0, description="it ends by itself this long after the last send: outlives a restart of notify"
    )
    timeout_s: Positive = Field(10.0, description="a request is given up after this long, and retried")
    bearer_token: SecretStr | None = Field(None, description="secret, sent in each request; better by variable or file")
    bearer_token_file: Path | None = Field(None, description="file that holds the token; wins over a value")
    min_severity: Literal["info", "warning", "critical"] = Field(
        "info", description="what is milder is not sent; Alertmanager routes the rest"
    )
    pages_a_day: Annotated[int, Field(ge=0)] = Field(
        5,
        description="critical alerts of a tenant that page in a day (UTC); those after them are sent as warnings, with "
        "one page that lists them; 0: all page",
    )
    runbook_base: str = Field(
        "https://github.com/detector/detector/blob/main/docs/runbooks",
        description="where docs/runbooks is published; an alert links to its rule's page there",
    )
    silence_url: str | None = Field(
        None,
        description="under which address people reach Alertmanager, for the link to a silence; "
        "absent: the first of alertmanagers",
    )
    stop_command: str | None = Field(
        None,
        description="pattern of the command that stops an agent, shown in a page for a person to run; "
        "its fields, each filled in as a quoted word: " + ", ".join(stop_command.FIELDS) + "; absent: none is shown",
    )

    @field_validator("alertmanagers")
    @classmethod
    def _are_addresses(cls, addresses: list[str]) -> list[str]:
        for address in addresses:
            asked(address, "http://127.0.0.1:9093", "use notify.bearer_token_file")
        return addresses

    @field_validator("runbook_base")
    @classmethod
    def _is_public(cls, address: str) -> str:
        if "@" in address.partition("://")[2].partition("/")[0]:
            raise ValueError("must not hold credentials, since every alert carries it")
        return address

    @field_validator("silence_url")
    @classmethod
    def _is_address(cls, address: str | None) -> str | None:
        if address is not None:
            public(address)
        return address

    @field_validator("stop_command")
    @classmethod
    def _is_safe_to_fill_in(cls, pattern: str | None) -> str | None:
        if pattern is not None and (faults := stop_command.faults(pattern)):
            raise ValueError("; ".join(faults))
        return pattern

    @model_validator(mode="after")
    def _outlives_resend(self) -> Self:
        if self.ends_s <= self.resend_s:
            raise ValueError("ends_s must be greater than resend_s, else alerts flap")
        return self


class Web(Section):
    """The server of metrics, health and pages, and where links from them lead."""

    host: str = Field("127.0.0.1", description="address to listen on; loopback unless told otherwise")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(9464, description="0: any free port, which is logged")
    public_url: str | None = Field(
        None,
        description="under which address people reach the pages, for links in what a pager shows; absent: none",
    )
    trace_url: str | None = Field(
        None,
        description="pattern of a link to a trace, as https://traces.example/search?run={run}; its fields: "
        + ", ".join(FIELDS),
    )
    grafana_url: str | None = Field(None, description="address of the Grafana that has our boards; absent: no links")

    @field_validator("public_url", "trace_url", "grafana_url")
    @classmethod
    def _is_address(cls, address: str | None) -> str | None:
        if address is not None:
            public(address)
        return address

    @field_validator("trace_url")
    @classmethod
    def _names_fields(cls, pattern: str | None) -> str | None:
        if pattern is not None and (unknown := unknown_fields(pattern)):
            raise ValueError(f"names {', '.join(unknown)}; the fields are {', '.join(FIELDS)}")
        return pattern


class Metrics(Section):
    """What bounds the number of time series."""

    max_label_values: Count = Field(
        200, description="values a label (team, agent, model, tenant); further ones become 'other'"
    )
    max_label_sets: Count = Field(
        10_000,
        description="sets of these four that have series of their own, some 7 kB each; further ones are 'other'",
    )
    max_board_teams: Count = Field(
        200,
        description="teams of tenants with gauges of portfolio of their own, 35 kB each; further ones are 'other'",
    )
    max_board_sets: Count = Field(
        2_000,
        description="sets of tenant, team, agent and model with gauges of their own, 3 kB each; further ones: 'other'",
    )


class Log(Section):
    """Logging to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="what is milder is not logged")
    format: Literal["json", "text"] = Field("text", description="json: one object a line, for collectors")
