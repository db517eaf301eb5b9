"""What was billed against what was metered."""

from pathlib import Path

import pytest

from detector.audit.figures import Billed, Model
from detector.audit.invoice import Charge, compare, read
from detector.errors import DetectorError

DAY = 1_793_491_200.0  # 1 November 2026, 00:00 UTC
FOCUS = "BilledCost,BillingCurrency,ChargePeriodStart,ProviderName,x_Model\n"


def file(folder: Path, text: str) -> str:
    path = folder / "invoice.csv"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    "text",
    [
        "provider,model,day,usd\nAcme,m-1,2026-11-01,12.5\n",
        "\ufeffUSD,Day,Model,Provider,more\n12.5,2026-11-01,m-1,Acme,x\n",
        f"{FOCUS}12.5,USD,2026-11-01T00:00:00Z,Acme,m-1\n",
        "BilledCost,ChargePeriodStart,InvoiceIssuerName,SkuId\n12.5,2026-11-01 00:00:00,Acme,m-1\n",
    ],
)
def test_lines_are_read_by_plain_columns_or_those_of_focus(tmp_path: Path, text: str) -> None:
    assert list(read(file(tmp_path, text))) == [Charge("Acme", "m-1", DAY, 12.5)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("provider,model,usd\n", "needs the columns provider, model, day and usd"),
        ("", "needs the columns"),
        ("provider,model,day,usd\na,m,2026-11-01,many\n", "invoice.csv:2: usd is 'many', which is no number"),
        ("provider,model,day,usd\na,m,2026-11-01,nan\n", "usd is 'nan'"),
        ("provider,model,day,usd\na,m,1.11.2026,1\n", "invoice.csv:2: day is '1.11.2026', which is no day"),
        (f"{FOCUS}1,EUR,2026-11-01,a,m\n", "BillingCurrency is 'EUR'; only USD is compared"),
        ("provider,model,day,usd\na,m\n", "day is ''"),
    ],
)
def test_what_cannot_be_read_is_named_by_file_line_and_column(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DetectorError, match=said.replace("(", r"\(")):
        list(read(file(tmp_path, text)))


def test_it_tells_by_provider_and_model_what_is_unexplained() -> None:
    charges = [
        Charge("OpenAI", "gpt-5", DAY, 10.0),
        Charge("openai", "gpt-5", DAY + 86_400, 5.0),
        Charge("openai", "gpt-5", DAY + 40 * 86_400, 99.0),
        Charge("anthropic", "haiku", DAY, 2.0),
    ]
    models = [Model("openai", "openai/GPT-5", 14.0, 3), Model(None, "other", 0.5, 1)]
    assert compare(charges, models, DAY - 1, DAY + 30 * 86_400) == [
        Billed("anthropic", "haiku", 2.0, 0.0, 2.0),
        Billed("openai", "gpt-5", 15.0, 14.0, 1.0),
        Billed("", "other", 0.0, 0.5, -0.5),
    ]
