"""Loading the configuration: where values come from, how faults are told, what stays secret."""

import pytest

from detector.config import Config, Notify, load_config
from detector.config.keys import field_at, leaves
from detector.config.load import variable
from detector.config.toml import to_toml
from detector.errors import ConfigError
from tests.support.config_faults import faults

pytestmark = pytest.mark.usefixtures("bare_environment")

SECRET = "hunter2-hunter2"


class TestSources:
    def test_without_anything_the_defaults_hold(self) -> None:
        assert load_config() == Config()
        assert Config().kafka.bootstrap == "127.0.0.1:9092"

    def test_variables_win_over_the_file_and_a_program_over_both(self, write, monkeypatch) -> None:
        path = write('[kafka]\nbootstrap = "file:1"\ngroup = "file"\n[web]\nport = 1\n')
        monkeypatch.setenv("DETECTOR_KAFKA__BOOTSTRAP", "variable:1")
        monkeypatch.setenv("DETECTOR_WEB__PORT", "2")
        config = load_config(path, web={"port": 3})
        assert (config.kafka.bootstrap, config.kafka.group, config.web.port) == ("variable:1", "file", 3)

    def test_the_file_is_found_by_variable_and_the_argument_wins(self, write, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("DETECTOR_CONFIG", str(write("[web]\nport = 7\n")))
        assert load_config().web.port == 7
        other = tmp_path / "other.toml"
        other.write_text("[web]\nport = 8\n")
        assert load_config(other).web.port == 8

    def test_every_key_can_be_set_by_its_variable(self, monkeypatch) -> None:
        changed = {
            int: "3", float: "2.5", bool: "false", str: "text",
        }  # fmt: skip
        kept = {("notify", "ends_s"), ("notify", "resend_s"), ("webhooks", "issue_name")}
        for path in leaves():
            info = field_at(path)
            assert info is not None
            if info.annotation in changed and path not in kept:
                share = info.annotation is float and any(getattr(m, "le", None) == 1 for m in info.metadata)
                monkeypatch.setenv(variable(path), "0.5" if share else changed[info.annotation])
        config = load_config()
        assert config.rules.loop.output_similarity == 0.5
        assert config.rules.loop.rounds_short == 3
        assert config.rules.spend_spike.enabled is False
        assert config.time.lateness_s == 2.5
        assert config.topics.dead_letters == "text"

    def test_an_object_by_constructor_ignores_the_environment(self, monkeypatch) -> None:
        monkeypatch.setenv("DETECTOR_WEB__PORT", "2")
        assert Config().web.port == 9464

    def test_a_program_may_give_a_section_as_a_model(self) -> None:
        config = load_config(notify=Notify(alertmanagers=["http://127.0.0.1:9093"]))
        assert config.notify.alertmanagers == ["http://127.0.0.1:9093"]

    @pytest.mark.parametrize("text", ["http://a:1, http://b:2", '["http://a:1", "http://b:2"]'])
    def test_a_list_in_a_variable_is_separated_by_commas_or_json(self, text, monkeypatch) -> None:
        monkeypatch.setenv("DETECTOR_NOTIFY__ALERTMANAGERS", text)
        assert load_config().notify.alertmanagers == ["http://a:1", "http://b:2"]

    def test_overrides_in_a_variable_are_json(self, monkeypatch) -> None:
        monkeypatch.setenv("DETECTOR_OVERRIDES", '[{"team": "a", "rules": {"loop": {"rounds_short": 9}}}]')
        assert load_config().rules_for("t", "a", None).loop.rounds_short == 9

    def test_an_empty_variable_is_as_absent(self, monkeypatch) -> None:
        monkeypatch.setenv("DETECTOR_WEB__PORT", "")
        monkeypatch.setenv("DETECTOR_NO_SUCH", "")
        assert load_config().web.port == 9464


class TestFaults:
    def test_an_unknown_key_names_its_neighbour(self, write) -> None:
        path = write('[kafka]\nbootstrp = "x:1"\n')
        assert faults(path) == f"{path}: kafka.bootstrp: unknown key; did you mean kafka.bootstrap?"

    def test_a_key_in_the_wrong_section_names_the_right_one(self, write) -> None:
        assert "web.bootstrap: unknown key; did you mean kafka.bootstrap?" in faults(
            write('[web]\nbootstrap = "x:1"\n')
        )

    def test_an_unknown_section_names_the_nearest(self, write) -> None:
        assert "kafak: unknown key; did you mean kafka?" in faults(write('[kafak]\nbootstrap = "x:1"\n'))

    def test_what_resembles_nothing_points_to_the_list(self, write) -> None:
        assert "qqqq: unknown key; `detector config` lists all" in faults(write("qqqq = 1\n"))

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("DETECTOR_KAFKA__BOOTSTRP", "did you mean DETECTOR_KAFKA__BOOTSTRAP?"),
            ("DETECTOR_WEB_PORT", "did you mean DETECTOR_WEB__PORT?"),
            ("DETECTOR_KAFKA", "kafka is a section; set its keys, as DETECTOR_KAFKA__BOOTSTRAP"),
            (
                "DETECTOR_RULES__LOOP",
                "rules.loop is a section; set its keys, as DETECTOR_RULES__LOOP__ENABLED",
            ),
            ("DETECTOR_web__port", "did you mean DETECTOR_WEB__PORT?"),
            ("DETECTOR_QQQQQQQ", "`detector config` lists all keys"),
        ],
    )
    def test_an_unknown_variable_is_a_fault_that_names_the_nearest(self, name, told, monkeypatch) -> None:
        monkeypatch.setenv(name, "1")
        assert faults().startswith(f"{name}: ")
        assert told in faults()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DETECTOR_SERVICE_HOST", "10.0.0.1"),
            ("DETECTOR_SERVICE_PORT", "9464"),
            ("DETECTOR_SERVICE_PORT_METRICS", "9464"),
            ("DETECTOR_PORT", "tcp://10.0.0.1:9464"),
            ("DETECTOR_PORT_9464_TCP", "tcp://10.0.0.1:9464"),
            ("DETECTOR_INGEST_PORT_9464_TCP_PROTO", "tcp"),
        ],
    )
    def test_variables_that_kubernetes_adds_are_no_fault(self, name, value, monkeypatch) -> None:
        monkeypatch.setenv(name, value)
        assert load_config() == Config()

    def test_all_faults_are_told_at_once(self, write, monkeypatch) -> None:
        path = write('[kafka]\nbootstrp = 1\n[web]\nport = 99999\n[rules.loop]\nrounds_short = "x"\n')
        monkeypatch.setenv("DETECTOR_NO_SUCH", "1")
        monkeypatch.setenv("DETECTOR_TIME__IDLE_S", "-1")
        told = faults(path)
        assert told.startswith("the configuration has 5 faults:\n")
        assert "DETECTOR_NO_SUCH: unknown variable" in told
        assert "DETECTOR_TIME__IDLE_S: time.idle_s: input should be greater than 0 (it is '-1')" in told
        assert f"{path}: web.port: input should be less than or equal to 65535 (it is 99999)" in told
        assert f"{path}: rules.loop.rounds_short: " in told
        assert f"{path}: kafka.bootstrp: " in told

    def test_a_wrong_value_comes_with_what_the_key_means(self, write) -> None:
        assert faults(write("[web]\nport = -1\n")).endswith("meant: 0: any free port, which is logged")

    def test_a_fault_of_a_program_says_so(self, write) -> None:
        assert faults(write("[kafka]\n"), web={"port": -1}).startswith("by program: web.port: ")

    def test_a_section_that_is_no_table_is_one_fault(self, write, monkeypatch) -> None:
        monkeypatch.setenv("DETECTOR_KAFKA__GROUP", "x")
        path = write("kafka = 5\n")
        assert faults(path).startswith(f"{path}: kafka: input should be a valid dictionary")

    def test_a_missing_file_says_where_it_was_named(self) -> None:
        assert faults("/no/such.toml") == ("/no/such.toml: there is no such file; see --config and DETECTOR_CONFIG")

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"[kafka\n", "is not TOML: "),
            (b"[kafka]\nbootstrap = x:1\n", "text needs quotes"),
            (b"[kafka]\ngroup = '\xff'\n", "byte 17 is not UTF-8"),
        ],
    )
    def test_an_unreadable_file_is_a_fault_beside_the_others(self, content, told, write, monkeypatch) -> None:
        monkeypatch.setenv("DETECTOR_WEB__PORT", "x")
        path = write(content)
        assert f"{path}: {told}" in faults(path) or told in faults(path)
        assert "DETECTOR_WEB__PORT: web.port: " in faults(path)

    def test_a_directory_is_no_file(self, tmp_path) -> None:
        assert faults(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"

    @pytest.mark.parametrize("text", ["[1", '{"team": "a"}', "5"])
    def test_a_variable_that_is_no_json_list(self, text, monkeypatch) -> None:
        monkeypatch.setenv("DETECTOR_OVERRIDES", text)
        assert faults() == "DETECTOR_OVERRIDES: overrides: is not a JSON list"

    @pytest.mark.parametrize("number", ["nan", "inf"])
    def test_thresholds_are_finite(self, number, write) -> None:
        assert "finite number" in faults(write(f"[rules.loop]\npage_burnt_usd = {number}\n"))

    def test_alerts_must_outlive_their_resending(self, write) -> None:
        assert "notify: ends_s must be greater than resend_s" in faults(write("[notify]\nends_s = 60\n"))

    @pytest.mark.parametrize("address", ["127.0.0.1:9093", "ftp://host", "http://", "http://[::1"])
    def test_an_alertmanager_is_an_address_of_the_web(self, address) -> None:
        assert "by program: notify.alertmanagers: " in faults(notify={"alertmanagers": [address]})


class TestSecrets:
    def test_no_secret_is_shown(self, monkeypatch, write) -> None:
        monkeypatch.setenv("DETECTOR_KAFKA__SASL_PASSWORD", SECRET)
        path = write(f'[privacy]\npseudonym_key = "{SECRET}"\n[notify]\nbearer_token = "{SECRET}"\n')
        config = load_config(path)
        assert config.notify.bearer_token is not None
        assert config.notify.bearer_token.get_secret_value() == SECRET
        for shown in (repr(config), str(config), to_toml(config), str(config.plain())):
            assert SECRET not in shown

    @pytest.mark.parametrize(
        "text",
        [
            f'[kafka]\nsasl_password = ["{SECRET}"]\n',
            f'[kafka]\nsasl_pasword = "{SECRET}"\n',
            f'kafka = "{SECRET}"\n',
            f'[notify]\nalertmanagers = ["http://user:{SECRET}@host"]\n',
            f'[notify]\nbearer_token = "{SECRET}"\nresend_s = 999\n',
            f'[web]\nhost = 5\nsasl_password = "{SECRET}"\n',
            f'[notify]\nalertmanagers = "http://user:{SECRET}@host"\n',
            f'[notify]\nalertmanagers = ["http://host/?token={SECRET}"]\n',
            f'[notify]\nrunbook_base = "https://user:{SECRET}@host/runbooks"\n',
            f'[kafka]\nbootstrap = "SASL_SSL://user:{SECRET}@host:9093"\n',
            f'[kafka]\nbootstrap = ["user:{SECRET}@host:9093"]\n',
            f'[kafka.bootstrap]\npassword = "{SECRET}"\n',
            f'[log]\nlevel = "http://user:{SECRET}@host"\n',
        ],
    )
    def test_no_fault_repeats_a_secret(self, text, write) -> None:
        assert SECRET not in faults(write(text))

    def test_no_fault_of_a_variable_repeats_it(self, monkeypatch) -> None:
        monkeypatch.setenv("DETECTOR_SASL_PASSWORD", SECRET)
        monkeypatch.setenv("DETECTOR_NOTIFY__ALERTMANAGERS", f'["http://user:{SECRET}@host"')
        assert SECRET not in faults()

    def test_a_fault_does_not_carry_the_secret_in_its_cause(self, write) -> None:
        with pytest.raises(ConfigError) as caught:
            load_config(write(f'[kafka]\nsasl_password = ["{SECRET}"]\n'))
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
