"""What LiteLLM's proxy calls takes every kind of event and never raises; wrong settings are told, and named."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from prometheus_client import REGISTRY

from detector.callback.settings import read
from detector.errors import ConfigError
from tests.support import payloads as made
from tests.support.receiving import Receiver, receiving


class CustomLogger:
    """As LiteLLM's own, of which there is none in this environment."""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    logger = ModuleType("litellm.integrations.custom_logger")
    logger.CustomLogger = CustomLogger  # type: ignore[attr-defined]
    for name in ("litellm", "litellm.integrations"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, logger.__name__, logger)
    monkeypatch.delitem(sys.modules, "detector.litellm_callback", raising=False)
    yield importlib.import_module("detector.litellm_callback")
    sys.modules.pop("detector.litellm_callback", None)
    metric = REGISTRY._names_to_collectors.get("detector_callback_dropped")
    if metric is not None:
        REGISTRY.unregister(metric)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as listening:
        monkeypatch.setenv("DETECTOR_CALLBACK_ENDPOINT", listening.url)
        monkeypatch.setenv("DETECTOR_CALLBACK_FLUSH_S", "20")
        monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # the child starts sooner
        yield listening


def kwargs(payload: Any) -> dict[str, Any]:
    return {"standard_logging_object": payload, "messages": []}


async def test_successes_and_failures_are_told(receiver: Receiver, module: Any) -> None:
    callback = module.callback
    await callback.async_log_success_event(kwargs(made.payload(0)), None, None, None)
    await callback.async_log_failure_event(kwargs(made.failure(1)), None, None, None)
    callback.log_success_event(kwargs(made.payload(2)), None, None, None)
    callback.log_failure_event(kwargs(made.failure(3)), None, None, None)
    callback.close()
    assert receiver.ids == ["chatcmpl-0", "lc-1/failure", "chatcmpl-2", "lc-3/failure"]
    assert (callback.taken, callback.sent, dict(callback.dropped)) == (4, 4, {})


async def test_nothing_that_litellm_gives_makes_it_raise(receiver: Receiver, module: Any) -> None:
    callback = module.callback
    for given in ({}, kwargs(None), kwargs({}), kwargs("text"), kwargs(made.payload(0) | {"id": {1: {2, 3}}}), None):
        await callback.async_log_success_event(given, None, None, None)
    callback.close()
    assert callback.sent == 0
    assert set(callback.dropped) == {"internal", "refused"}


def test_what_is_dropped_is_in_the_proxys_metrics(receiver: Receiver, module: Any) -> None:
    callback = module.callback
    callback.close()
    callback.log_success_event(kwargs(made.payload(0)), None, None, None)
    assert callback.dropped == {"at the end": 1}
    assert REGISTRY.get_sample_value("detector_callback_dropped_total", {"reason": "at the end"}) == 1.0


async def test_without_an_endpoint_it_says_so_once_and_tells_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: Any
) -> None:
    monkeypatch.delenv("DETECTOR_CALLBACK_ENDPOINT", raising=False)
    callback = module.Callback()
    await callback.async_log_success_event(kwargs(made.payload(0)), None, None, None)
    callback.close()
    assert (callback.taken, callback.sent, dict(callback.dropped)) == (0, 0, {})
    assert caplog.messages[-1].startswith("detector callback: tells nothing: DETECTOR_CALLBACK_ENDPOINT: has to be")


@pytest.mark.parametrize("variable", ["TOKEN", "TOKEN_FILE"])
def test_a_token_goes_to_no_other_machine_in_the_clear(variable: str) -> None:
    name = f"DETECTOR_CALLBACK_{variable}"
    with pytest.raises(ConfigError, match=rf"{name}: .* over https only"):
        read({"DETECTOR_CALLBACK_ENDPOINT": "http://gateway.example:4318", name: "s3cr3t"})
    for fine in ("https://gateway.example", "http://127.0.0.1:4318", "http://[::1]:4318", "http://localhost", "kafka"):
        read({"DETECTOR_CALLBACK_ENDPOINT": fine, name: "s3cr3t"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ENDPOINT", ""),
        ("ENDPOINT", "gateway:4318"),
        ("ENDPOINT", "http://user@gateway"),
        ("ENDPOINT", "http://gateway:port"),
        ("MAX_CALLS", "0"),
        ("MAX_BYTES", "many"),
        ("FLUSH_S", "nan"),
        ("ATTRIBUTES", "[]"),
        ("ATTRIBUTES", '{"colour": ["x"]}'),
        ("ATTRIBUTES", '{"task": "x"}'),
        ("ENDPIONT", "http://gateway"),
    ],
)
def test_a_variable_that_is_wrong_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"DETECTOR_CALLBACK_{variable}"):
        read({"DETECTOR_CALLBACK_ENDPOINT": "http://gateway", f"DETECTOR_CALLBACK_{variable}": value})
