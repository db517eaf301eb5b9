"""What the demo takes from the user's configuration and what it must not."""

import socket

from detector.config import Config, Kafka, LoopRule, Notify, Rules, Web
from detector.demo.run import PARTITIONS, demo_config


def test_nothing_of_the_demo_reaches_the_users_brokers_or_pagers():
    theirs = Config(
        kafka=Kafka(bootstrap="kafka.example:9093", security_protocol="SSL"),
        notify=Notify(alertmanagers=["https://alerts.example"]),
    )
    config = demo_config(theirs, "127.0.0.1:4711")
    assert config.kafka.bootstrap == "127.0.0.1:4711"
    assert config.kafka.security_protocol == "PLAINTEXT"
    assert config.notify.alertmanagers == []


def test_it_judges_by_the_users_thresholds_and_forgets_nothing_of_a_week():
    rules = Rules(loop=LoopRule(outputs_page=9))
    config = demo_config(Config(rules=rules), "127.0.0.1:4711")
    assert config.rules == rules
    assert config.topics.partitions == PARTITIONS
    assert config.time.hold_back_s > 7 * 86_400


def test_where_the_port_of_metrics_is_taken_any_other_is_used():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert demo_config(Config(web=Web(port=port)), "127.0.0.1:4711").web.port == 0
    assert demo_config(Config(web=Web(port=port)), "127.0.0.1:4711").web.port == port
