"""A topic as it is against the topic as it should be: what the brokers of the tests cannot be made to show."""

from typing import Any

import pytest

from detector.config import Config, Topics
from detector.kafka import plan
from detector.kafka.checkup import _copies
from detector.kafka.verify import Present, faults, told

CONFIG = Config(topics=Topics(replication=3))
PLAN = {topic.name: topic for topic in plan.topics(CONFIG)}


def present(name: str, **differs: Any) -> Present:
    topic = PLAN[name]
    as_planned = {"partitions": topic.partitions, "copies": 3, "in_sync": 3, "leaderless": 0}
    return Present(**{**as_planned, "settings": topic.settings, **differs})


def fault(name: str, **differs: Any) -> str:
    """The only fault of a topic that differs in this."""
    found = faults(CONFIG, PLAN[name], {name: present(name, **differs)})
    assert len(found) == 1
    assert found[0].fix
    return found[0].detail


@pytest.mark.parametrize("name", PLAN)
def test_a_topic_as_planned_has_no_fault(name: str) -> None:
    assert faults(CONFIG, PLAN[name], {name: present(name)}) == []


@pytest.mark.parametrize("name", PLAN)
def test_settings_that_a_broker_does_not_tell_are_no_fault(name: str) -> None:
    found = present(name, settings=None)
    assert faults(CONFIG, PLAN[name], {name: found}) == []
    assert "not told" in told(found)


def test_partitions_without_a_leader_are_a_fault() -> None:
    assert fault("llm.calls", leaderless=2) == "2 partitions have no leader"


def test_too_few_copies_are_a_fault_of_our_topics_alone() -> None:
    assert fault("detector.alerts", copies=1) == "1 copies, and topics.replication is 3"
    assert faults(CONFIG, PLAN["llm.calls"], {"llm.calls": present("llm.calls", copies=1)}) == []


def test_policies_are_compared_in_any_order() -> None:
    settings = PLAN["detector.alerts"].settings | {"cleanup.policy": "delete,compact"}
    found = present("detector.alerts", settings=settings)
    assert faults(CONFIG, PLAN["detector.alerts"], {"detector.alerts": found}) == []


def test_with_three_copies_two_have_to_hold_a_record() -> None:
    assert all(topic.settings["min.insync.replicas"] == "2" for topic in PLAN.values())
    assert not any("min.insync.replicas" in topic.settings for topic in plan.topics(Config()))


def test_copies_out_of_sync_are_found() -> None:
    found = _copies({"a": present("llm.calls"), "b": present("llm.calls", in_sync=2)})
    assert (found.ok, found.detail) == (False, "copies are missing or behind of b")


def test_copies_in_sync_are_well_and_one_is_a_warning_in_words() -> None:
    assert _copies({"a": present("llm.calls")}).detail == "3 in-sync copies of every topic"
    single = _copies({"a": present("llm.calls", copies=1, in_sync=1)})
    assert single.ok
    assert "in production have 3" in single.detail
    assert _copies({}).ok is None
