"""Reading a price list of one's own: what an entry may say, and how its faults are told."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from detector.config.keys import fields, table
from detector.config.price_list import ListedPrice, PriceList, read_price_list
from detector.errors import ConfigError

GOOD = 'model = "m"\ninput_usd_per_mtok = 1\n'


@pytest.fixture
def faults(write: Any) -> Any:
    def told(text: str | bytes) -> str:
        with pytest.raises(ConfigError) as caught:
            read_price_list(write(text))
        return str(caught.value)

    return told


def test_an_entry_says_what_it_is_for_and_what_each_kind_costs(write) -> None:
    (entry,) = read_price_list(
        write("""
            [[price]]
            model = "claude-*"
            provider = "anthropic"
            tenant = "acme"
            service_tier = "batch"
            from = 2026-11-01
            input_usd_per_mtok = 1.5
            cached_input_usd_per_mtok = 0.15
            cache_write_usd_per_mtok = 2
            cache_write_1h_usd_per_mtok = 3
            output_usd_per_mtok = 7.5
            reasoning_usd_per_mtok = 8
            request_usd = 0.001
            [[price.tiers]]
            above_input_tokens = 200_000
            input_usd_per_mtok = 3
        """)
    )
    assert entry.from_ == date(2026, 11, 1)
    assert entry.tiers[0].above_input_tokens == 200_000
    assert None not in entry.model_dump(exclude={"tiers"}).values()


@pytest.mark.parametrize("price", ["input_usd_per_mtok = 0", "output_usd_per_mtok = 1", "request_usd = 0.5"])
def test_one_price_is_enough_and_nothing_is_a_price(price, write) -> None:
    (entry,) = read_price_list(write(f'[[price]]\nmodel = "m"\n{price}\n'))
    assert (entry.from_, entry.provider, entry.tenant, entry.service_tier, entry.tiers) == (None, None, None, None, [])


def test_every_key_has_its_meaning_and_a_price_its_unit() -> None:
    models: list[Any] = [PriceList]
    for model in models:
        for key, info in fields(model).items():
            assert info.description, key
            assert "usd" not in key or info.description.startswith("USD "), key
            if (inner := table(info)) is not None:
                models.append(inner)
    assert "from" in fields(ListedPrice)
    assert len(models) == 3


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("input_usd_per_mtok = 1", "price[1].model: field required; meant: name as in events"),
        ('model = ""\ninput_usd_per_mtok = 1', "price[1].model: string should have at least 1 character"),
        ('model = "x"', "price[1]: needs input_usd_per_mtok, output_usd_per_mtok or request_usd; 0 is a price too"),
        (
            'model = "x"\ninput_usd_per_mtok = -1',
            "price[1].input_usd_per_mtok: input should be greater than or equal to 0 (it is -1); meant: USD a million",
        ),
        ('model = "x"\noutput_usd_per_mtok = 2e6', "price[1].output_usd_per_mtok: input should be less than or equal"),
        ('model = "x"\noutput_usd_per_mtok = nan', "price[1].output_usd_per_mtok: input should be a finite number"),
        (
            'model = "x"\nrequest_usd = 1\ninput_usd_per_token = 1',
            "price[1].input_usd_per_token: unknown key; did you mean price[1].input_usd_per_mtok?",
        ),
        ('model = "x"\nrequest_usd = 1\nqqqq = 1', "price[1].qqqq: unknown key; known are input_usd_per_mtok, "),
        (
            'model = "x"\nrequest_usd = 1\nfrom = "2026-11-01"',
            "price[1].from: input should be a valid date (it is '2026-11-01'); meant: first day in UTC, as 2026-11-01",
        ),
        ('model = "x"\nrequest_usd = 1\nfrom = 20261101', "price[1].from: input should be a valid date"),
        ('model = "x"\nrequest_usd = 1\nfrom = 2026-11-01T10:00:00Z', "price[1].from: input should be a valid date"),
        ('model = "x"\nrequest_usd = 1\nsince = 2026-11-01', "price[1].since: unknown key"),
        ('model = "x"\nrequest_usd = 1\nform = 2026-11-01', "did you mean price[1].from?"),
        ('model = "x"\nrequest_usd = 1\n[[price.tiers]]\n', "price[1].tiers[0].above_input_tokens: field required"),
        (
            'model = "x"\nrequest_usd = 1\n' + "[[price.tiers]]\nabove_input_tokens = 9\n" * 2,
            "price[1].tiers: two of them have the same above_input_tokens; leave one out",
        ),
    ],
)
def test_a_fault_names_the_file_the_entry_its_model_the_field_and_the_fix(entry, told, faults, tmp_path) -> None:
    text = faults(f"[[price]]\n{GOOD}[[price]]\n{entry}\n")
    file = tmp_path / "detector.toml"
    model = ", x" if 'model = "x"' in entry else ""
    assert text.startswith(f"{file}{model}: price[1]")
    assert told in text


def test_all_faults_are_told_at_once(faults) -> None:
    text = faults(f'[[price]]\nmodel = 5\n[[price]]\n{GOOD}x = 1\n[[price]]\nmodel = "y"\nfrom = 1\n')
    assert text.startswith("the price list has 3 faults:\n")
    assert [f"price[{n}]" in text for n in range(3)] == [True] * 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "price: there is none; an entry begins with [[price]]"),
        (f"[[prices]]\n{GOOD}", "prices: unknown key; did you mean price?"),
        ("price = 5", "price: input should be a valid list"),
        ("price = [5]", "price[0]: input should be a valid dictionary"),
        ("[[price]\n", "is not TOML: "),
        (b"[[price]]\nmodel = '\xff'\n", "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_price_list(text, told, faults) -> None:
    assert told in faults(text)


def test_a_file_that_is_not_there_says_where_it_was_named() -> None:
    with pytest.raises(ConfigError, match=r"^/no/such\.toml: there is no such file; see prices\.list_file$"):
        read_price_list(Path("/no/such.toml"))


@pytest.mark.parametrize("more", ["", 'provider = "p"', 'tenant = "t"', 'service_tier = "batch"', "from = 2026-11-01"])
def test_two_entries_for_the_same_calls_from_the_same_day_are_a_fault(more, faults, write) -> None:
    one, other = f"[[price]]\n{GOOD}{more}\n", '[[price]]\nmodel = "M"\nrequest_usd = 1\n'
    assert faults(one + other + more).endswith(
        "price: [0] and [1] are both for 'M' from the same day; leave one out, or date it by from"
    )
    if more:
        assert len(read_price_list(write(one + other))) == 2
