"""`detector prices`: what a model costs, by whom and since when."""

from typing import Any

import genai_prices
import pytest
from click.testing import CliRunner, Result

from detector.cli import cli
from detector.errors import ConfigError

pytestmark = pytest.mark.usefixtures("bare_environment")

LIBRARY = f"genai-prices {genai_prices.__version__}"
LIST = """
[[price]]
model = "our-llama*"
input_usd_per_mtok = 0.8
output_usd_per_mtok = 2.4
[[price.tiers]]
above_input_tokens = 100_000
input_usd_per_mtok = 1.6
[[price]]
model = "our-llama*"
from = 2026-12-01
input_usd_per_mtok = 0.7
request_usd = 0.001
[[price]]
model = "our-llama*"
service_tier = "batch"
tenant = "acme"
input_usd_per_mtok = 0.4
[[price]]
model = "batch-only"
service_tier = "batch"
input_usd_per_mtok = 0.1
"""


def told(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["prices", *arguments], standalone_mode=False)


def rows(*arguments: str) -> list[list[str]]:
    """The cells of every line below a header."""
    result = told("--at", "2026-11-20", *arguments)
    assert result.exception is None
    lines = [line for line in result.stdout.splitlines()[1:] if "  " in line and not line.startswith("service tier")]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


@pytest.fixture
def own(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    file = tmp_path / "own.toml"
    file.write_text(LIST)
    monkeypatch.setenv("DETECTOR_PRICES__LIST_FILE", str(file))
    return str(file)


def test_each_service_tier_and_length_of_input_has_its_line_with_source_and_day() -> None:
    result = told("claude-sonnet-4-5", "--at", "2026-11-20")
    assert result.return_value == 0
    lines = result.stdout.splitlines()
    assert lines[:3] == ["USD a million tokens, and a call; 2026-11-20 00:00 UTC", "", "claude-sonnet-4-5"]
    assert " ".join(lines[3].split()) == (
        "service tier input tokens input cached write 1h write output reasoning call since source"
    )
    source = f"{LIBRARY}: claude-sonnet-4-5 of anthropic"
    assert rows("claude-sonnet-4-5")[:3] == [
        ["standard", "to 200,000", "3", "0.3", "3.75", "6", "15", "15", "0", "always", source],
        ["standard", "over 200,000", "6", "0.6", "7.5", "12", "22.5", "22.5", "0", "always", source],
        ["batch", "to 200,000", "1.5", "0.15", "1.875", "3", "7.5", "7.5", "0", "2026-10-14", source],
    ]


def test_the_list_is_named_by_its_entry(own) -> None:
    assert rows("our-llama-3", "gpt-5-mini")[:3] == [
        ["standard", "to 100,000", *["0.8"] * 4, "2.4", "2.4", "0", "always", f"price[0] of {own}"],
        ["standard", "over 100,000", *["1.6"] * 4, "2.4", "2.4", "0", "always", f"price[0] of {own}"],
        [
            "standard", "any", "0.25", "0.025", "0.25", "0.25", "2", "2", "0", "always",
            f"{LIBRARY}: gpt-5-mini of openai",
        ],
    ]  # fmt: skip


def test_a_day_or_a_minute_can_be_asked_for(own) -> None:
    before, after = (told("our-llama", "--at", at).stdout for at in ("2026-11-30T23:59", "2026-12-01"))
    assert "price[0]" in before
    assert "price[1]" in after
    assert after.splitlines()[-1].split()[-7:-4] == ["0", "0", "0.001"]
    assert "16:30 UTC" in told("deepseek-chat", "--at", "2026-11-20T12:00").stdout
    assert "16:30 UTC" not in told("deepseek-chat", "--at", "2026-11-20T20:00").stdout


def test_a_tenant_has_its_own_lines(own) -> None:
    assert [row[0] for row in rows("our-llama")] == ["standard", "standard"]
    assert [row[0] for row in rows("our-llama", "--tenant", "acme")] == ["standard", "standard", "batch"]


def test_the_provider_decides_where_several_sell_a_model() -> None:
    (openai, *_), (azure, *_) = rows("gpt-5", "--provider", "openai"), rows("gpt-5", "--provider", "azure")
    assert openai[-1].endswith("gpt-5 of openai")
    assert azure[-1].endswith("gpt-5 of azure")


def test_it_fails_where_a_model_has_no_price_and_shows_the_others(own) -> None:
    result = told("nobody", "batch-only", "our-llama")
    assert result.return_value == 1
    assert "\nnobody: no price; prices.list_file can give it one\n" in result.stdout
    assert "\nbatch-only: no standard price\n" in result.stdout
    assert f"price[3] of {own}" in result.stdout
    assert "\nour-llama\n" in result.stdout


def test_without_a_day_it_is_the_present() -> None:
    assert told("gpt-5-mini").return_value == 0


def test_a_list_that_cannot_be_used_is_an_error_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_PRICES__LIST_FILE", "/no/such.toml")
    assert isinstance(told("gpt-5-mini").exception, ConfigError)


@pytest.mark.parametrize("arguments", [(), ("gpt-5", "--at", "yesterday")])
def test_wrong_usage_is_told(arguments) -> None:
    assert "Error" in CliRunner().invoke(cli, ["prices", *arguments]).output
