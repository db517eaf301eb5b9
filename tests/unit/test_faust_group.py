"""The group of a Faust app is asked for errors, from when it is there."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import UnknownError

from detector.kafka.faust_app import App


def app(consumer: Any) -> Any:
    async def call_thread(function: Any) -> Any:
        return function()

    return SimpleNamespace(
        consumer=SimpleNamespace(_thread=SimpleNamespace(_consumer=consumer, call_thread=call_thread))
    )


@pytest.mark.parametrize("consumer", [None, SimpleNamespace(_coordinator=None)])
async def test_a_consumer_that_is_not_there_yet_has_no_errors(consumer: Any) -> None:
    await App.check_group(app(consumer))


async def test_an_error_that_passes_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def check_errors() -> None:
        raise UnknownError

    under_way = SimpleNamespace(done=lambda: False)
    coordinator = SimpleNamespace(check_errors=check_errors, _coordination_task=under_way)
    await App.check_group(app(SimpleNamespace(_coordinator=coordinator)))
    assert "joining goes on" in caplog.text
