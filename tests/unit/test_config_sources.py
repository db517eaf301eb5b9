"""Sources in the configuration: topics that others write."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from detector.config import Config, load_config
from detector.config.sources import Source, check_topics, number_of
from detector.config.toml import to_toml
from detector.errors import ConfigError

NATIVE = ("llm.calls", "task.status")
TOML = """
[[sources]]
topic = "otlp_logs"
format = "otlp_logs"
team = "payments"

[[sources]]
topic = "litellm"
format = "litellm"
[sources.attributes]
task = ["metadata.task", "branch ~ [A-Z]+-[0-9]+"]
"""


def test_sources_are_read_and_written_as_toml(tmp_path: Path) -> None:
    file = tmp_path / "detector.toml"
    file.write_text(TOML, encoding="utf-8")
    config = load_config(file)
    assert [(s.topic, s.format, s.team) for s in config.sources] == [
        ("otlp_logs", "otlp_logs", "payments"),
        ("litellm", "litellm", None),
    ]
    assert config.sources[1].attributes.task == ["metadata.task", "branch ~ [A-Z]+-[0-9]+"]
    assert config.producers_topics == ["llm.calls", "task.status", "otlp_logs", "litellm"]
    file.write_text(to_toml(config), encoding="utf-8")
    assert load_config(file) == config


def test_a_topics_number_does_not_depend_on_what_else_is_there() -> None:
    assert [number_of(topic, NATIVE) for topic in NATIVE] == [0, 1]
    assert number_of("otlp_logs", NATIVE) == number_of("otlp_logs", ("x", "y")) == 10605
    assert 2 <= number_of("spans", NATIVE) < 1 << 15


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('topic = "a"\nformat = "xml"', "native"),
        ('topic = "a"', "format"),
        ('topic = "llm.calls"\nformat = "native"', "a topic of the detector itself"),
        ('topic = "a"\nformat = "native"\n[[sources]]\ntopic = "a"\nformat = "litellm"', "a is there twice"),
        ('topic = "a"\nformat = "litellm"\n[sources.attributes]\ntask = ["b ~ ["]', "no regular expression"),
        ('topic = "a"\nformat = "litellm"\n[sources.attributes]\ntask = [" ~ x"]', "name of an attribute"),
        ('topic = "a"\nformat = "litellm"\n[sources.attributes]\ntaks = ["x"]', "task"),
    ],
)
def test_what_is_wrong_with_a_source_is_told_with_its_fix(wrong: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "detector.toml"
    file.write_text("[[sources]]\n" + wrong, encoding="utf-8")
    with pytest.raises(ConfigError, match=told) as error:
        load_config(file)
    assert str(file) in str(error.value)


def test_two_names_of_one_number_are_refused() -> None:
    by_number: dict[int, str] = {}
    for n in range(2000):
        other = by_number.setdefault(number_of(f"t{n}", NATIVE), f"t{n}")
        if other != f"t{n}":
            with pytest.raises(ValueError, match="under another name"):
                check_topics([Source(topic=t, format="native") for t in (other, f"t{n}")], NATIVE)
            return
    pytest.fail("none of 2,000 names collide")


def test_a_source_is_no_topic_of_the_detectors_own() -> None:
    with pytest.raises(ValidationError, match="a topic of the detector itself"):
        Config(sources=[Source(topic="detector.alerts", format="native")])
