"""What becomes of GitLab's deliveries."""

from typing import Any

import pytest

from detector.model.events import Link, Status
from tests.support.hooks import AT, AT_S, NOW, Sent, gitlab, merge_request, received

pytestmark = pytest.mark.usefixtures("bare_environment")


def one(sent: Sent) -> Status:
    (status,) = received(sent).events
    assert isinstance(status, Status)
    return status


def issue(action: str, **said: Any) -> Sent:
    return gitlab("issue", object_attributes={"iid": 12, "action": action, "updated_at": AT, **said})


class TestIssues:
    @pytest.mark.parametrize(
        ("sent", "to", "category"),
        [
            (issue("close"), "closed", "completed"),
            (issue("close", duplicated_to_id=7), "duplicate", "duplicate"),
            (issue("reopen"), "reopened", "started"),
        ],
    )
    def test_a_change_of_its_state_is_strong(self, sent: Sent, to: str, category: str) -> None:
        status = one(sent)
        assert (status.task, status.strength, status.to) == ("acme/shop#12", "strong", to)
        assert (status.category, status.time, status.source) == (category, AT_S, "gitlab")

    def test_other_work_items_are_issues_too(self) -> None:
        assert one(gitlab("work_item", object_attributes=issue("close").said["object_attributes"])).to == "closed"

    def test_an_epic_which_is_of_no_project_tells_nothing(self) -> None:
        assert received(gitlab("work_item", project=None, object_attributes={"iid": 1, "action": "close"})).events == []

    def test_nothing_else_about_it_moves_it(self) -> None:
        assert received(issue("update")).events == received(issue("open")).events == []


class TestMergeRequests:
    @pytest.mark.parametrize(
        ("action", "strength", "to"),
        [
            ("open", "medium", "merge request opened"),
            ("approved", "medium", "approved"),
            ("approval", "medium", "approved"),
            ("merge", "strong", "merged"),
        ],
    )
    def test_it_moves_by_what_is_done_with_it(self, action: str, strength: str, to: str) -> None:
        status = one(merge_request(action))
        assert (status.task, status.strength, status.to, status.actor) == ("PAY-1312", strength, to, "human")
        assert (status.deliverable, status.time) == ("https://gitlab.example/acme/shop/-/merge_requests/34", AT_S)

    @pytest.mark.parametrize("action", ["close", "unapproved", "update"])
    def test_what_brings_nothing_forward_tells_nothing(self, action: str) -> None:
        assert received(merge_request(action)).events == []

    def test_its_tasks_are_those_of_its_branch_and_title_and_what_it_closes(self) -> None:
        text = "Implements #4, #5 and https://gitlab.example/acme/api/-/issues/6\nCloses https://evil.example/a/b/-/issues/7"
        told = received(merge_request("merge", source_branch="12-round", title="PAY-1312", description=text)).events
        assert [getattr(status, "task", None) for status in told] == [
            "PAY-1312", "acme/shop#4", "acme/shop#5", "acme/api#6", "acme/shop#12",
        ]  # fmt: skip

    def test_one_that_names_no_task_is_one(self) -> None:
        assert one(merge_request("merge", source_branch="patch")).task == "acme/shop!34"

    def test_a_revert_names_what_it_takes_back(self) -> None:
        status = one(merge_request("merge", description="This reverts merge request !33"))
        assert (status.to, status.category) == ("reverted", "started")
        assert status.reverts == "https://gitlab.example/acme/shop/-/merge_requests/33"

    def test_of_another_projects_only_the_merge_counts(self) -> None:
        assert received(merge_request("open", source_project_id=2, description="Agent-Run: r")).events == []
        assert one(merge_request("merge", source_project_id=2)).strength == "strong"

    def test_its_run_is_linked(self) -> None:
        told = received(merge_request("open", description="Agent-Run: s-481")).events
        (link,) = (event for event in told if isinstance(event, Link))
        assert (link.run, link.task, link.tenant, link.source) == ("s-481", "PAY-1312", "acme", "gitlab")

    @pytest.mark.parametrize(
        ("username", "actor"), [("project_7_bot_4f", "system"), ("service_account_9", "system"), ("Copilot", "agent")]
    )
    def test_whose_doing_it_was_is_told_by_the_account(self, username: str, actor: str) -> None:
        assert one(merge_request("merge", username)).actor == actor


class TestCommitsPipelinesDeployments:
    def push(self, **said: Any) -> Sent:
        of = {"ref": "refs/heads/PAY-1312-x", "after": "c0ffee", "user_username": "zoe", "commits": [{"message": "x"}]}
        return gitlab("push", **{**of, **said})

    def test_a_push_is_medium_at_the_time_of_its_delivery(self) -> None:
        status = one(self.push())
        assert (status.task, status.strength, status.time, status.actor) == ("PAY-1312", "medium", NOW, "human")

    def test_the_same_commits_are_one_event_told_by_push_or_merge_request(self) -> None:
        assert one(self.push()).id == one(merge_request("update", oldrev="b", last_commit={"id": "c0ffee"})).id

    def test_a_branch_that_goes_or_has_nothing_new_tells_nothing(self) -> None:
        assert received(self.push(after="0" * 40)).events == []
        assert received(self.push(commits=[])).events == []

    def pipeline(self, status: str = "success", ref: str = "PAY-1312-x", request: Any = None) -> Sent:
        of = {"id": 5, "ref": ref, "status": status, "finished_at": "2027-01-15 07:59:30 UTC"}
        return gitlab("pipeline", object_attributes=of, merge_request=request)

    def test_a_green_pipeline_is_medium_for_its_branch_or_merge_request(self) -> None:
        assert one(self.pipeline()).to == "green"
        request = {"iid": 1, "source_branch": "x", "title": "OPS-9 x", "source_project_id": 1, "target_project_id": 1}
        assert one(self.pipeline(ref="refs/merge-requests/1/head", request=request)).task == "OPS-9"

    def test_a_red_one_or_a_strangers_tells_nothing(self) -> None:
        assert received(self.pipeline("failed")).events == []
        request = {"iid": 1, "source_branch": "PAY-1", "source_project_id": 2, "target_project_id": 1}
        assert received(self.pipeline(request=request)).events == []

    @pytest.mark.parametrize(
        ("environment", "strength"),
        [
            ({"environment": "live"}, "strong"),
            ({"environment": "eu-1", "environment_tier": "production"}, "strong"),
            ({"environment": "staging", "environment_tier": "staging"}, "medium"),
        ],
    )
    def test_only_what_is_deployed_to_production_is_strong(self, environment: dict[str, str], strength: str) -> None:
        of = {"status": "success", "status_changed_at": "2027-01-15 08:59:30 +0100", "deployment_id": 15}
        status = one(gitlab("deployment", commit_title="PAY-1312 x", **of, **environment))
        assert (status.strength, status.time) == (strength, AT_S)
