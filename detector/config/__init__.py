"""The one configuration: a TOML file, then DETECTOR_… variables; every key with unit and reason."""

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
from detector.config.sources import Source
from detector.config.thresholds import Episodes, InflationRule, LoopRule, Override, Rules, SpikeRule

__all__ = [
    "MAX_METERS",
    "Config",
    "Episodes",
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
    "Rules",
    "Section",
    "Source",
    "SpikeRule",
    "Statuses",
    "Time",
    "Topics",
    "Watch",
    "Web",
    "load_config",
]
