"""The one configuration: a TOML file, then DETECTOR_… variables; every key with unit and reason."""

from detector.config.gateway import Gateway
from detector.config.load import load_config
from detector.config.model import Config
from detector.config.settings import (
    MAX_METERS,
    Identity,
    Ingest,
    Kafka,
    Log,
    Metrics,
    Notify,
    Prices,
    Privacy,
    Section,
    Statuses,
    Time,
    Topics,
    Watch,
    Web,
)
from detector.config.sources import Replay, Source
from detector.config.stop import Stop
from detector.config.thresholds import Episodes, InflationRule, LoopRule, Override, Rules, SpikeRule
from detector.config.webhooks import Webhooks

__all__ = [
    "MAX_METERS",
    "Config",
    "Episodes",
    "Gateway",
    "Identity",
    "InflationRule",
    "Ingest",
    "Kafka",
    "Log",
    "LoopRule",
    "Metrics",
    "Notify",
    "Override",
    "Prices",
    "Privacy",
    "Replay",
    "Rules",
    "Section",
    "Source",
    "SpikeRule",
    "Statuses",
    "Stop",
    "Time",
    "Topics",
    "Watch",
    "Web",
    "Webhooks",
    "load_config",
]
