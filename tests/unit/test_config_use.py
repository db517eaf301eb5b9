"""The configuration in use: overrides, digest, and how it is printed."""

from typing import Any

import pytest

from detector.config import Config, Override, Rules, load_config
from detector.config.keys import field_at, leaves
from detector.config.model import MAX_REMEMBERED
from detector.config.toml import to_toml
from tests.support.config_faults import faults

pytestmark = pytest.mark.usefixtures("bare_environment")

THREE: dict[str, Any] = {
    "overrides": [
        {"tenant": "acme", "rules": {"loop": {"rounds_short": 6, "page_burnt_usd": 2}}},
        {"tenant": "acme", "agent": "coder", "rules": {"loop": {"rounds_short": 8}}},
        {"team": "data", "rules": {"spend_spike": {"enabled": False}}},
    ]
}


class TestOverrides:
    def test_all_that_match_are_merged_and_later_ones_win(self) -> None:
        config = load_config(**THREE)
        coder = config.rules_for("acme", "data", "coder")
        assert (coder.loop.rounds_short, coder.loop.page_burnt_usd) == (8, 2)
        assert coder.spend_spike.enabled is False
        assert coder.loop.outputs_page == config.rules.loop.outputs_page
        assert config.rules_for("acme", None, "other").loop.rounds_short == 6
        assert config.rules_for("else", None, None) is config.rules

    def test_an_override_may_set_a_key_back_to_its_default(self) -> None:
        config = load_config(
            rules={"loop": {"rounds_short": 9}},
            overrides=[{"team": "a", "rules": {"loop": {"rounds_short": 4}}}],
        )
        assert config.rules_for("t", "a", None).loop.rounds_short == 4
        assert config.rules_for("t", "b", None).loop.rounds_short == 9

    def test_subjects_under_the_same_overrides_share_their_rules(self) -> None:
        config = load_config(**THREE)
        assert config.rules_for("acme", "x", "a") is config.rules_for("acme", "y", "b")
        assert config.rules_for("acme", "x", "a") is config.rules_for("acme", "x", "a")

    def test_what_is_remembered_is_bounded(self) -> None:
        config = load_config(**THREE)
        for n in range(MAX_REMEMBERED + 10):
            config.rules_for("acme", None, f"agent-{n}")
        assert len(config._by_subject) <= MAX_REMEMBERED

    def test_a_copy_with_other_rules_does_not_remember_the_old_ones(self) -> None:
        config = load_config(**THREE)
        config.rules_for("acme", None, "x")
        rules = config.rules.model_copy(update={"loop": config.rules.loop.model_copy(update={"outputs_page": 99})})
        assert config.model_copy(update={"rules": rules}).rules_for("acme", None, "x").loop.outputs_page == 99

    def test_configs_are_equal_by_what_they_say(self) -> None:
        asked, fresh = load_config(**THREE), load_config(**THREE)
        asked.rules_for("acme", None, None)
        assert asked == fresh
        assert asked != Config()

    @pytest.mark.parametrize(
        ("override", "told"),
        [
            (
                '[[overrides]]\nteam="a"\n[overrides.rules.lop]\nx=1\n',
                "overrides[0].rules.lop: unknown key; did you mean overrides[0].rules.loop?",
            ),
            (
                '[[overrides]]\nteam="a"\n[overrides.rules.loop]\nround_short=1\n',
                "overrides[0].rules.loop.round_short: unknown key; did you mean overrides[0].rules.loop.rounds_short?",
            ),
            (
                '[[overrides]]\nteam="a"\n[overrides.rules.loop]\nrounds_short=0\n',
                "overrides[0].rules.loop.rounds_short: input should be greater than or equal to 1 (it is 0)",
            ),
            ('[[overrides]]\nteam="a"\n', "overrides[0].rules: field required"),
            (
                "[[overrides]]\n[overrides.rules.loop]\nrounds_short=5\n",
                "overrides[0]: needs tenant, team or agent",
            ),
            ('[[overrides]]\nteem="a"\nagent="b"\nrules={}\n', "did you mean overrides[0].team?"),
        ],
    )
    def test_overrides_are_checked_when_they_are_loaded(self, override, told, write) -> None:
        assert told in faults(write(override))


class TestDigest:
    def test_it_is_eight_hex_digits_that_do_not_change_by_themselves(self) -> None:
        assert Config().digest() == load_config().digest()
        assert len(Config().digest()) == 8
        int(Config().digest(), 16)

    @pytest.mark.parametrize(
        "change",
        [
            {"rules": {"loop": {"rounds_short": 9}}},
            {"episodes": {"quiet_s": 1}},
            {"time": {"lateness_s": 1}},
            {"statuses": {"connected": "no"}},
            {"overrides": [{"team": "a", "rules": {"loop": {"rounds_short": 4}}}]},
        ],
    )
    def test_it_changes_with_what_can_change_a_verdict(self, change) -> None:
        assert load_config(**change).digest() != Config().digest()

    def test_an_override_that_sets_a_default_counts_too(self) -> None:
        one = load_config(overrides=[{"team": "a", "rules": {"loop": {"rounds_short": 4}}}])
        other = load_config(overrides=[{"team": "a", "rules": {"loop": {"rounds_long": 4}}}])
        assert one.digest() != other.digest()

    @pytest.mark.parametrize("change", [{"kafka": {"bootstrap": "x:1"}}, {"web": {"port": 1}}])
    def test_it_stays_with_what_cannot(self, change) -> None:
        assert load_config(**change).digest() == Config().digest()


class TestToml:
    def test_what_is_printed_loads_again_to_the_same(self, write) -> None:
        config = load_config(
            kafka={"group": 'quote " back \\ tab \t del \x7f ü \u2028', "ssl_cafile": "/a b.pem"},
            notify={"alertmanagers": ["http://a:1"], "ends_s": 1e9},
            privacy={"plain_users": True},
            overrides=[
                {"tenant": "a", "agent": "b\n", "rules": {"loop": {"rounds_short": 5}, "run_inflation": {}}},
                {"team": "c", "rules": {"spend_spike": {"enabled": False, "times_usual": 2.5}}},
            ],
        )
        again = load_config(write(to_toml(config)))
        assert again == config
        assert again.digest() == config.digest()

    def test_every_key_is_printed_under_what_it_means(self) -> None:
        text = to_toml(Config())
        for path in leaves():
            info = field_at(path)
            assert info is not None
            assert info.description, path
            if path != ("overrides",):
                assert f"# {info.description}" in text
        assert "# sasl_username is not set" in text

    def test_a_changed_value_comes_with_its_default(self) -> None:
        assert "(default: 9464)\nport = 1\n" in to_toml(load_config(web={"port": 1}))

    def test_a_secret_is_a_comment(self) -> None:
        text = to_toml(load_config(kafka={"sasl_password": "hunter2"}))
        assert '# sasl_password = "**********" (set, not shown)\n' in text


def test_sections_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().web.port = 1  # type: ignore[misc]


def test_an_override_keeps_only_what_it_was_given() -> None:
    override = Override(agent="a", rules=Rules.model_validate({"loop": {"rounds_short": 5}}))
    assert override.rules.model_dump(exclude_unset=True) == {"loop": {"rounds_short": 5}}
