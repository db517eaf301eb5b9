"""Webhooks: who is believed, what is refused, and that a delivery counts once."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from detector.config.webhooks import Hook, Webhooks
from detector.errors import BadInput, ConfigError, Reason
from detector.model.events import Status
from detector.webhooks import Delivery, Receiver, Refused, github, gitlab, jira, linear
from detector.webhooks.seen import Seen
from tests.support import hooks
from tests.support.bodies import MARK
from tests.support.hooks import NOW, SECRET, SIGNING_TOKEN, Sent, received, receiver, signed

pytestmark = pytest.mark.usefixtures("bare_environment")

MERGED = hooks.pull("closed", merged=True, merged_at=hooks.AT)
DONE = {
    "github": MERGED,
    "gitlab": hooks.merge_request("merge"),
    "jira": hooks.jira("In Progress", "Done"),
    "linear": hooks.linear("Done", "completed"),
}
each_provider = pytest.mark.parametrize("provider", DONE)


def refused(by: Receiver, provider: str, headers: dict[str, str], body: bytes, now_s: float = NOW) -> Refused:
    with pytest.raises(Refused) as caught:
        by.receive(provider, headers, body, now_s)
    return caught.value


class TestPublishedExamples:
    def test_github(self) -> None:
        # docs.github.com, "Validating webhook deliveries": testing the webhook payload validation.
        right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        github.verify(["It's a Secret to Everybody"], {"x-hub-signature-256": right}, b"Hello, World!", NOW)

    def test_jira(self) -> None:
        # developer.atlassian.com, Jira platform, "Webhooks": secure admin webhooks.
        right = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
        jira.verify(["It's a Secret to Everybody"], {"x-hub-signature": right}, b"Hello World!", NOW)

    def test_standard_webhooks_whose_scheme_gitlab_signs_by(self) -> None:
        # The test vector of the Standard Webhooks libraries; GitLab's documentation refers to the scheme and has none.
        headers = {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }
        gitlab.verify(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], headers, b'{"test": 2432232314}', 1614265330.0)

    def test_linear_publishes_none_so_this_one_is_of_openssl(self) -> None:
        # printf %s '{"webhookTimestamp":1676056940508}' | openssl dgst -sha256 -hmac lin_wh_secret
        right = "b7e4432b8c6ea350a957c4c1981c46d7f4e8bb88bcd040b7af8a4fd5f9e28409"
        linear.verify(
            ["lin_wh_secret"], {"linear-signature": right}, b'{"webhookTimestamp":1676056940508}', 1676056950.0
        )


class TestWhoIsBelieved:
    @each_provider
    def test_what_is_signed_is_taken(self, provider: str) -> None:
        (event,) = received(DONE[provider]).events
        assert isinstance(event, Status)
        assert (event.tenant, event.task, event.strength, event.category) == ("acme", "PAY-1312", "strong", "completed")

    @each_provider
    def test_without_a_signature_it_is_refused(self, provider: str) -> None:
        said = refused(receiver(), provider, {}, DONE[provider].body)
        assert said.status == 401
        assert said.reason.startswith("is not signed: ")

    @each_provider
    @pytest.mark.parametrize("secret", ["", "another", SECRET + " ", SECRET[:-1]])
    def test_with_another_secret_it_is_refused(self, provider: str, secret: str) -> None:
        sent = DONE[provider]
        assert (
            refused(receiver(), provider, signed(provider, sent.body, sent.event, secret=secret), sent.body).status
            == 401
        )

    @pytest.mark.parametrize("provider", ["github", "jira", "linear"])
    def test_a_body_that_was_changed_is_refused(self, provider: str) -> None:
        sent = DONE[provider]
        headers = signed(provider, sent.body, sent.event)
        assert refused(receiver(), provider, headers, sent.body + b" ").reason.startswith("has the signature of none")

    @each_provider
    def test_the_old_and_the_new_secret_hold_at_once(self, provider: str) -> None:
        by = receiver(hooks.config(**{provider: {"secret": f"new\n{SECRET}\n"}}))
        assert received(DONE[provider], by).events
        sent = DONE[provider]
        assert by.receive(provider, signed(provider, sent.body, sent.event, "d2", "new"), sent.body, NOW).events

    def test_secrets_come_from_a_file(self, tmp_path) -> None:
        file = tmp_path / "secret"
        file.write_text(f"{SECRET}\n")
        assert received(MERGED, receiver(hooks.config(github={"secret": "other", "secret_file": file}))).events

    def test_a_provider_without_a_secret_is_named_with_its_key(self) -> None:
        by = receiver(hooks.config(github={}))
        said = refused(by, "github", signed("github", MERGED.body, "pull_request"), MERGED.body)
        assert (said.status, "webhooks.github.secret_file" in said.reason) == (403, True)
        assert by.configured == ["gitlab", "jira", "linear"]

    def test_a_file_of_empty_lines_is_no_secret(self, tmp_path) -> None:
        file = tmp_path / "secret"
        file.write_text(" \n\n".replace(" ", "\n"))
        with pytest.raises(ConfigError, match=r"webhooks\.github\.secret_file"):
            receiver(hooks.config(github={"secret_file": file}))

    def test_an_unknown_provider_is_not_found(self) -> None:
        assert refused(receiver(), "bitbucket", {}, b"{}").status == 404

    def test_the_digest_of_sha1_is_not_enough(self) -> None:
        digest = hmac.new(SECRET.encode(), MERGED.body, "sha1").hexdigest()
        headers = {"x-hub-signature": f"sha1={digest}", "x-hub-signature-256": f"sha1={digest}"}
        assert refused(receiver(), "github", headers, MERGED.body).status == 401

    @given(st.text(), st.sampled_from(list(DONE)))
    def test_no_other_text_is_a_signature(self, text: str, provider: str) -> None:
        names = ["x-hub-signature-256", "x-hub-signature", "linear-signature", "x-gitlab-token", "webhook-signature"]
        secret = Hook(secret=SecretStr("s3cret-of-a-test"))
        of = Webhooks(github=secret, gitlab=secret, jira=secret, linear=secret)
        by = Receiver(of, hooks.config().statuses.states, hooks.config().ingest)
        assert refused(by, provider, dict.fromkeys(names, text), b"{}").status == 401


class TestGitLabsSigningToken:
    def headers(self, body: bytes, t: float = NOW, id: str = "d1") -> dict[str, str]:
        key = base64.b64decode(SIGNING_TOKEN.removeprefix("whsec_"))
        right = hmac.digest(key, f"{id}.{int(t)}.".encode() + body, "sha256")
        signature = "v1,AAAA v1," + base64.b64encode(right).decode()
        return {"webhook-id": id, "webhook-timestamp": str(int(t)), "webhook-signature": signature}

    by = staticmethod(lambda secret=SIGNING_TOKEN: receiver(hooks.config(gitlab={"secret": secret})))
    body = DONE["gitlab"].body

    def test_what_it_signs_is_taken(self) -> None:
        assert self.by().receive("gitlab", self.headers(self.body), self.body, NOW).events

    @pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_each_part_that_is_signed_must_be_as_it_was(self, header: str) -> None:
        assert refused(self.by(), "gitlab", {**self.headers(self.body), header: "1"}, self.body).status == 401

    @pytest.mark.parametrize("off_s", [-301, 301])
    def test_what_is_not_of_the_last_minutes_is_stale(self, off_s: float) -> None:
        said = refused(self.by(), "gitlab", self.headers(self.body, NOW + off_s), self.body)
        assert said.reason.startswith("is stale")

    def test_where_only_a_signing_token_is_configured_a_plain_one_is_not_enough(self) -> None:
        assert refused(self.by(), "gitlab", {"x-gitlab-token": SIGNING_TOKEN}, self.body).status == 401

    def test_while_hooks_move_to_it_plain_ones_hold_too(self) -> None:
        by = self.by(f"{SIGNING_TOKEN}\nplain")
        assert by.receive("gitlab", {"x-gitlab-token": "plain", "webhook-id": "d1"}, self.body, NOW).events
        assert by.receive("gitlab", self.headers(self.body, id="d2"), self.body, NOW).events

    def test_one_that_is_not_whole_is_told_at_the_start(self) -> None:
        with pytest.raises(ConfigError, match=r"webhooks\.gitlab\.secret") as caught:
            self.by("whsec_no base64")
        assert "no base64" not in str(caught.value)


class TestOnce:
    @each_provider
    def test_what_is_settled_is_a_replay_when_it_comes_again(self, provider: str) -> None:
        by, sent = receiver(), DONE[provider]
        by.settled(received(sent, by), NOW)
        said = refused(by, provider, signed(provider, sent.body, sent.event), sent.body)
        assert (said.status, said.reason) == (401, "is stale: it came before")

    @each_provider
    def test_what_could_not_be_kept_is_taken_when_it_is_sent_again(self, provider: str) -> None:
        by = receiver()
        first = received(DONE[provider], by)
        assert received(DONE[provider], by).events == first.events

    @each_provider
    def test_another_id_does_not_hide_a_replay(self, provider: str) -> None:
        by, sent = receiver(), DONE[provider]
        by.settled(received(sent, by), NOW)
        assert refused(by, provider, signed(provider, sent.body, sent.event, id="d2"), sent.body).status == 401

    def test_the_same_delivery_is_the_same_events_in_another_process(self) -> None:
        assert received(MERGED, receiver()).events == received(MERGED, receiver()).events

    def test_linears_are_stale_after_a_minute(self) -> None:
        sent = DONE["linear"]
        headers = signed("linear", sent.body)
        assert receiver().receive("linear", headers, sent.body, NOW + 59.0).events
        assert refused(receiver(), "linear", headers, sent.body, NOW + 60.0).reason.startswith("is stale")

    def test_linears_without_a_time_are_stale(self) -> None:
        for body in (b"{}", b"no json", b'{"webhookTimestamp":"now"}', b"[" * 100_000):
            assert refused(receiver(), "linear", signed("linear", body), body).reason.startswith("is stale")

    @pytest.mark.parametrize("provider", ["github", "gitlab", "jira"])
    def test_what_tells_of_what_is_older_than_deliveries_are_known_is_stale(self, provider: str) -> None:
        sent, day = DONE[provider], 86_400.0
        headers = signed(provider, sent.body, sent.event)
        assert receiver().receive(provider, headers, sent.body, hooks.AT_S + day).events
        assert "webhooks.replay_s" in refused(receiver(), provider, headers, sent.body, hooks.AT_S + day + 1.0).reason

    def test_what_is_known_is_bounded_in_number_and_time(self) -> None:
        seen = Seen(10.0, 3)
        for n in range(100):
            seen.add([b"%d" % n], float(n) / 100)
        assert len(seen) == 3
        assert seen.knows([b"99"], 1.0)
        assert not seen.knows([b"0", b"96"], 1.0)
        assert not seen.knows([b"99"], 11.1)
        seen.add([b"x"], 20.0)
        assert len(seen) == 1


class TestWhatIsNotUsable:
    @each_provider
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", Reason.NOT_JSON),
            (b"payload=%7B%7D", Reason.NOT_JSON),
            (b"[" * 100_000, Reason.NOT_JSON),
            (b'{"x":' * 100_000, Reason.TOO_DEEP),
            (b"[]", Reason.WRONG_TYPE),
        ],
    )
    def test_a_body_that_is_none_is_bad_input(self, provider: str, body: bytes, reason: Reason) -> None:
        if provider == "linear":
            return  # without its time it is refused
        headers = signed(provider, body, "issues")
        (bad,) = receiver().receive(provider, headers, body, NOW).events
        assert isinstance(bad, BadInput)
        assert bad.reason in (reason, Reason.WRONG_TYPE, Reason.TOO_DEEP)

    def test_a_wrong_type_is_named_by_its_place(self) -> None:
        sent = hooks.issue("closed", number="12")
        (bad,) = received(sent).events
        assert isinstance(bad, BadInput)
        assert (bad.reason, bad.field) == (Reason.WRONG_TYPE, "issue.number")

    def test_a_time_that_ingest_would_refuse_is_refused_here(self) -> None:
        (bad,) = received(hooks.issue("closed", updated_at="2099-01-01T00:00:00Z")).events
        assert isinstance(bad, BadInput)
        assert bad.reason == Reason.TIME_OUT_OF_RANGE

    def test_what_is_of_no_interest_tells_nothing(self) -> None:
        for event in ("ping", "star", "issue_comment", ""):
            assert received(hooks.github(event, action="created")).events == []
        assert received(hooks.gitlab("note")).events == []
        assert received(Sent("jira", {"webhookEvent": "jira:issue_created"})).events == []
        told = {"type": "Comment", "action": "create", "webhookTimestamp": NOW * 1000}
        assert received(Sent("linear", told)).events == []
        assert received(hooks.cdevent("build.started")).events == []

    def test_neither_names_of_people_nor_texts_are_taken(self) -> None:
        for sent in hooks.SENT:
            said = repr(received(sent).events).lower()
            assert "zoe" not in said
            assert MARK not in said


def test_every_kind_that_is_read_becomes_events() -> None:
    for sent in hooks.SENT:
        delivery = received(sent)
        assert isinstance(delivery, Delivery)
        assert delivery.events, sent
        assert not any(isinstance(event, BadInput) for event in delivery.events), (sent, delivery.events)
