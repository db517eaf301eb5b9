"""What every provider's webhooks keep to, whatever is sent: refused, told, or bad input, and never an error."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.errors import BadInput
from detector.model.events import Link, Status
from detector.sources import native
from detector.sources.making import encode_made
from detector.webhooks import PROVIDERS, Delivery, Receiver, Refused
from tests.contract.test_decoders import places
from tests.contract.walking import validator
from tests.support import hooks
from tests.support.bodies import MARK
from tests.support.hooks import NOW, Sent

RECEIVER = hooks.receiver()
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
each_provider = pytest.mark.parametrize("provider", PROVIDERS)


def taken(sent: Sent, body: bytes | None = None) -> Delivery | None:
    """A delivery that is signed as it must be, whatever it holds; None where it is refused."""
    body = sent.body if body is None else body
    headers = hooks.signed(sent.provider, body, sent.event)
    refused, delivery = received(RECEIVER, sent.provider, headers, body)
    if refused is not None:
        assert (refused.status, MARK in refused.reason) == (401, False)
        return None
    assert delivery is not None
    for event in delivery.events:
        if isinstance(event, BadInput):
            assert MARK not in f"{event.field} {event.detail}"
            assert len(event.field) <= 512
        else:
            # What is sent on is what ingest takes.
            assert native.decode(encode_made(event), "status") == [event]
    return delivery


def received(
    by: Receiver, provider: str, headers: hooks.Headers, body: bytes
) -> tuple[Refused | None, Delivery | None]:
    try:
        return None, by.receive(provider, headers, body, NOW)
    except Refused as refused:
        return refused, None


def deliveries(provider: str) -> list[Sent]:
    return [sent for sent in hooks.SENT if sent.provider == provider]


def test_every_provider_has_deliveries_to_try_it_with() -> None:
    assert {sent.provider for sent in hooks.SENT} == set(PROVIDERS)


@each_provider
def test_what_is_told_is_as_the_schema_has_it(provider: str) -> None:
    for sent in deliveries(provider):
        delivery = taken(sent)
        assert delivery is not None
        for event in delivery.events:
            assert isinstance(event, Status | Link)
            validator("task.status").validate(json.loads(encode_made(event)))
            assert event.source == provider


@each_provider
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_is_told_or_refused_and_never_an_error(provider: str, data: st.DataObject) -> None:
    sent = data.draw(st.sampled_from(deliveries(provider)))
    value = json.loads(sent.body)
    *above, key = data.draw(st.sampled_from(places(value)))
    inner = value
    for step in above:
        inner = inner[step]
    inner[key] = data.draw(values)
    taken(sent, json.dumps(value).encode())


@each_provider
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_body_that_is_cut_or_changed_is_never_an_error(provider: str, data: st.DataObject) -> None:
    sent = data.draw(st.sampled_from(deliveries(provider)))
    changed = bytearray(sent.body[: data.draw(st.integers(1, len(sent.body)))])
    for at, to in data.draw(st.lists(st.tuples(st.integers(0, len(changed) - 1), st.integers(0, 255)), max_size=6)):
        changed[at] = to
    taken(sent, bytes(changed))


@each_provider
@settings(max_examples=50, deadline=None)
@given(raw=st.binary(max_size=200))
@example(raw=b"")
@example(raw=b"[" * 100_000)
@example(raw=b'{"data":' * 10_000)
@example(raw=b'{"repository":' + b"[" * 5000)
def test_any_bytes_are_told_or_refused_and_never_an_error(provider: str, raw: bytes) -> None:
    for sent in deliveries(provider):
        taken(sent, raw)


@each_provider
def test_a_huge_body_is_looked_at_within_bounds(provider: str) -> None:
    for sent in deliveries(provider):
        value = json.loads(sent.body)
        for *above, key in places(value):
            inner = value
            for step in above:
                inner = inner[step]
            if inner[key] == MARK:
                inner[key] = "closes #1, " * 200_000
        delivery = taken(sent, json.dumps(value).encode())
        assert delivery is None or len(delivery.events) <= 100


@each_provider
@settings(max_examples=50, deadline=None)
@given(headers=st.dictionaries(st.text(), st.text()), body=st.binary(max_size=50))
def test_no_headers_are_an_error(provider: str, headers: dict[str, str], body: bytes) -> None:
    names = ["webhook-signature", "webhook-id", "webhook-timestamp", "x-gitlab-token", "x-hub-signature"]
    signing = hooks.receiver(hooks.config(gitlab={"secret": hooks.SIGNING_TOKEN}))
    for text in [*headers.values(), "\ud800", "v1,\udcff " * 100, "9" * 400, "١٢"]:
        for by in (RECEIVER, signing):
            refused, _ = received(by, provider, {**headers, **dict.fromkeys(names, text)}, body)
            assert refused is None or refused.status == 401


def test_places_of_what_is_wrong_are_named() -> None:
    def reason(sent: Sent) -> Any:
        delivery = taken(sent)
        assert delivery is not None
        (bad,) = delivery.events
        assert isinstance(bad, BadInput)
        return bad.field

    assert reason(hooks.issue("closed", updated_at=None)) == "issue.updated_at"
    assert reason(hooks.pull("opened", title=5)) == "pull_request.title"
    assert reason(hooks.merge_request("open", updated_at="yesterday")) == "object_attributes.updated_at"
    assert reason(hooks.cdevent("change.merged", outcome=5)) == "subject.content.outcome"
