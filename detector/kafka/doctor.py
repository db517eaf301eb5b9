"""Examines a deployment and says of each thing whether it is well, and if not, what to do. Changes nothing."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from detector.alerts.probe import Probe, probe
from detector.clock import Clock, system_clock
from detector.config import Config
from detector.config.load import FILE_VARIABLE, PREFIX
from detector.config.policy_file import read_policy_file
from detector.connect.shares import shares
from detector.enrich.price_library import NAME as LIBRARY
from detector.enrich.pricing import Prices
from detector.errors import ConfigError, DetectorError
from detector.kafka import admin, checkup
from detector.kafka.checkup import Finding
from detector.secret import reveal

CLOCK_S = 5.0  # clocks kept by NTP differ by milliseconds; this is half of how far events may be out of order
NEWEST_S = 3.0  # to read the last record of each partition
COMMITS = 1.5  # checkpoints that a healthy stage surely writes one in

__all__ = ["Finding", "examine"]


async def examine(config: Config, *, path: Path | str | None = None, clock: Clock = system_clock) -> list[Finding]:
    """What there is to say, configuration first; `path` is the file it was read from, if not $DETECTOR_CONFIG.

    Never raises for what is wrong with a deployment: that is a finding.
    """
    found = [_where(config, path), _people(config), _policy(config), _prices(config)]
    brokers = await _guarded("brokers", lambda: checkup.brokers(config))
    newest: list[float] = []
    found += brokers + await _guarded("topics", lambda: _kafka(config, newest))
    found += await _guarded("tasks", lambda: shares(config, clock))
    probes: list[Probe] = []
    found += await _guarded("alertmanager", lambda: _alertmanagers(config, clock, probes))
    return [*found, _clock(clock(), probes, newest)]


async def _guarded(what: str, check: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    """The findings of a check, or the one that it failed with."""
    try:
        return await check()
    except ConfigError as error:
        return [Finding(False, what, str(error), "correct the configuration")]
    except DetectorError as error:
        return [Finding(None, what, f"not checked: {error}")]
    except Exception as error:  # a doctor that falls ill of what the patient has is of no use
        return [Finding(False, what, f"the check itself failed: {type(error).__name__}: {error}")]


def _where(config: Config, path: Path | str | None) -> Finding:
    file = path or os.environ.get(FILE_VARIABLE)
    variables = sorted(name for name in os.environ if name.startswith(PREFIX) and name != FILE_VARIABLE)
    told = f"from {file}" if file else "no file (--config or $DETECTOR_CONFIG), so defaults"
    if variables:
        told += ", and variables: " + ", ".join(variables)
    return Finding(True, "configuration", f"{told}; digest {config.digest()}")


def _people(config: Config) -> Finding:
    privacy, what = config.privacy, "pseudonyms"
    if privacy.plain_users:
        return Finding(True, what, "off: users appear as they are sent (privacy.plain_users)")
    try:
        key = reveal(privacy.pseudonym_key, privacy.pseudonym_key_file, "privacy.pseudonym_key")
    except ConfigError as error:
        return Finding(False, what, str(error), "make the file readable for the worker")
    if not key:
        fix = "set DETECTOR_PRIVACY__PSEUDONYM_KEY or privacy.pseudonym_key_file, as from: openssl rand -hex 32"
        return Finding(False, what, "no key is set, so whoever knows a name can find its pseudonym", fix)
    return Finding(True, what, "a key is set; it has to be the same on every ingest worker")


def _policy(config: Config) -> Finding:
    what, file = "policy", config.policy.file
    if file is None:
        return Finding(True, what, "none, so everybody sees teams without people; see: detector policy")
    try:
        grants = len(read_policy_file(file).grant)
    except ConfigError as error:
        return Finding(False, what, str(error), "correct the policy: nobody is shown anything with it")
    return Finding(True, what, f"{file} (grants: {grants}); see: detector policy")


def _prices(config: Config) -> Finding:
    what, file = "prices", config.prices.list_file
    try:
        own = Prices.of(config.prices).own
    except ConfigError as error:
        return Finding(False, what, str(error), "correct the list: ingest does not start with it")
    first = f"{file} (entries: {len(own)}), the same on every ingest worker, then " if file is not None else ""
    return Finding(True, what, f"{first}the data of {LIBRARY}; see: detector prices MODEL")


async def _kafka(config: Config, newest: list[float]) -> list[Finding]:
    """Of topics and stages; adds to `newest` the time of the newest record, where there is one."""
    async with admin.connected(config) as client:
        found = await checkup.topics(config, client)
        found += await checkup.progress(config, client, COMMITS * config.watch.checkpoint_s)
        latest_s = await checkup.newest_s(config, client, NEWEST_S)
        newest += [latest_s] if latest_s is not None else []
    return found


async def _alertmanagers(config: Config, clock: Clock, probes: list[Probe]) -> list[Finding]:
    """Of every one; adds to `probes` what they answered."""
    bases = config.notify.alertmanagers
    if not bases:
        told = "none is configured: alert records are written, and nobody is paged"
        return [Finding(None, "alertmanager", told, "set notify.alertmanagers")]
    probes += await asyncio.gather(*(probe(config.notify, base, clock) for base in bases))
    return [
        Finding(False, f"alertmanager {each.name}", each.trouble, each.fix)
        if each.trouble
        else Finding(True, f"alertmanager {each.name}", f"ready, version {each.version}")
        for each in probes
    ]


def _clock(now_s: float, probes: list[Probe], newest: list[float]) -> Finding:
    """Kafka's protocol tells no time; an Alertmanager does, and records from the future betray a slow clock."""
    fix = "keep the clocks of all machines by NTP; event time and alert times rely on them"
    told = {each.name: each.ahead_s for each in probes if each.ahead_s is not None}
    for name, ahead_s in told.items():
        if abs(ahead_s) > CLOCK_S:
            way = "behind" if ahead_s > 0 else "ahead of"
            return Finding(False, "clock", f"{abs(ahead_s):.0f} s {way} that of {name}", fix)
    if newest and newest[0] - now_s > CLOCK_S:
        detail = f"the newest record is dated {newest[0] - now_s:.0f} s ahead: a clock here or there is wrong"
        return Finding(False, "clock", detail, fix)
    if told:
        return Finding(True, "clock", f"within {CLOCK_S:g} s of that of {', '.join(told)}")
    return Finding(None, "clock", "not checked: no Alertmanager tells its time, and Kafka has none to tell")
