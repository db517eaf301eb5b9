"""What becomes of GitHub's deliveries: how much each moves, which tasks, and whose doing it was."""

from typing import Any

import pytest

from detector.model.events import Link, Status
from detector.webhooks import Delivery, Receiver
from tests.support import hooks
from tests.support.hooks import AT, AT_S, REPOSITORY, Sent, github, issue, pull, received, receiver

pytestmark = pytest.mark.usefixtures("bare_environment")

FORK = {"full_name": "stranger/shop", "html_url": "https://github.com/stranger/shop"}
PR = "https://github.com/acme/shop/pull/34"


def statuses(sent: Sent, by: Receiver | None = None) -> list[Status]:
    return [event for event in received(sent, by).events if isinstance(event, Status)]


def links(delivery: Delivery) -> list[tuple[str, str]]:
    return [(event.run, event.task) for event in delivery.events if isinstance(event, Link)]


def one(sent: Sent, by: Receiver | None = None) -> Status:
    (status,) = statuses(sent, by)
    return status


class TestIssues:
    @pytest.mark.parametrize(
        ("reason", "category"),
        [
            ("completed", "completed"),
            ("not_planned", "not_planned"),
            ("duplicate", "duplicate"),
            (None, "completed"),
        ],
    )
    def test_a_closed_one_is_of_the_category_of_its_reason(self, reason: str | None, category: str) -> None:
        status = one(issue("closed", state_reason=reason))
        assert (status.task, status.strength, status.category) == ("acme/shop#12", "strong", category)
        assert (status.to, status.actor, status.source, status.time) == ("closed", "human", "github", AT_S)

    def test_a_reopened_one_is_started(self) -> None:
        assert one(issue("reopened", state_reason="reopened")).category == "started"

    @pytest.mark.parametrize("category", ["backlog", "planned", "started", "completed", "not_planned", "duplicate"])
    def test_its_status_tells_its_category(self, category: str) -> None:
        status = one(issue("status_changed", status={"id": 1, "name": "Quite our own", "category": category}))
        assert (status.to, status.category, status.strength) == ("Quite our own", category, "strong")

    def test_a_category_that_is_new_at_github_is_found_by_the_name(self) -> None:
        status = one(issue("status_changed", status={"id": 1, "name": "In review", "category": "reviewing"}))
        assert status.category == "started"

    @pytest.mark.parametrize("action", ["opened", "edited", "labeled", "assigned", "transferred"])
    def test_nothing_else_about_it_moves_it(self, action: str) -> None:
        assert received(issue(action)).events == []

    def test_calls_may_name_it_otherwise(self) -> None:
        by = receiver(hooks.config(issue_name="{name}-{number}"))
        assert one(issue("closed"), by).task == "shop-12"


class TestPullRequests:
    def test_a_merged_one_is_strong_and_its_address_is_what_shipped(self) -> None:
        status = one(pull("closed", merged=True, merged_at=AT))
        assert (status.task, status.strength, status.category) == ("PAY-1312", "strong", "completed")
        assert (status.to, status.deliverable, status.time) == ("merged", PR, AT_S)

    @pytest.mark.parametrize("action", ["opened", "reopened", "ready_for_review"])
    def test_one_that_is_opened_is_medium(self, action: str) -> None:
        status = one(pull(action))
        assert (status.task, status.strength, status.category, status.deliverable) == ("PAY-1312", "medium", None, PR)

    @pytest.mark.parametrize("action", ["closed", "labeled", "converted_to_draft"])
    def test_what_brings_nothing_forward_tells_nothing(self, action: str) -> None:
        assert received(pull(action)).events == []

    def test_its_tasks_are_those_of_its_branch_and_title_and_what_it_closes(self) -> None:
        body = "Closes #12, fixes acme/api#3 and resolves https://github.com/acme/web/issues/4\nSee #99, fixed it."
        told = statuses(pull("closed", merged=True, branch="OPS-9-x", title="[PAY-1312] Round", body=body))
        assert [status.task for status in told] == ["OPS-9", "PAY-1312", "acme/shop#12", "acme/api#3", "acme/web#4"]
        assert len({status.id for status in told}) == 5

    def test_it_is_of_no_more_tasks_than_are_taken(self) -> None:
        title, body = " ".join(f"OPS-{n}" for n in range(1, 20)), " ".join(f"closes #{n}" for n in range(1, 20))
        assert len(statuses(pull("opened", title=title, body=body))) == 20

    def test_one_that_names_no_task_is_one(self) -> None:
        assert one(pull("opened", branch="patch-1", title="utf-8")).task == "acme/shop#34"

    def test_a_revert_names_what_it_takes_back_and_the_task_is_under_way_again(self) -> None:
        status = one(pull("closed", merged=True, branch="revert-33-PAY-1312-x", body="Reverts acme/shop#33\n"))
        assert (status.task, status.to, status.category) == ("PAY-1312", "reverted", "started")
        assert status.reverts == "https://github.com/acme/shop/pull/33"

    def test_an_approval_of_a_member_is_medium_and_of_anybody_nothing(self) -> None:
        def review(by: str, state: str = "approved") -> Sent:
            sent = pull("submitted")._replace(event="pull_request_review")
            said = {"id": 9, "state": state, "submitted_at": AT, "author_association": by}
            return sent._replace(said={**sent.said, "review": said})

        assert one(review("MEMBER")).to == "approved"
        assert received(review("NONE")).events == []
        assert received(review("MEMBER", "changes_requested")).events == []

    @pytest.mark.parametrize("action", ["opened", "synchronize"])
    def test_of_a_strangers_one_only_the_merge_counts(self, action: str) -> None:
        assert received(pull(action, repo=FORK, body="Agent-Run: r")).events == []
        assert one(pull("closed", merged=True, repo=FORK)).strength == "strong"
        assert one(pull(action, repo=FORK, author_association="MEMBER")).strength == "medium"


class TestCommitsAndPipelines:
    def push(self, message: str = "Round", branch: str = "PAY-1312-x", **said: Any) -> Sent:
        return github("push", ref=f"refs/heads/{branch}", after="c0ffee", commits=[{"message": message}], **said)

    def test_a_push_is_medium_for_the_tickets_of_its_branch_and_commits(self) -> None:
        told = statuses(self.push("OPS-9 Round\n\nnot PAY-7"))
        assert [(s.task, s.strength, s.to) for s in told] == [
            ("PAY-1312", "medium", "commits pushed"),
            ("OPS-9", "medium", "commits pushed"),
        ]

    def test_the_same_commits_are_one_event_told_by_push_or_pull_request(self) -> None:
        pushed, synchronized = one(self.push()), one(pull("synchronize", after="c0ffee"))
        assert pushed.id == synchronized.id
        assert pushed.id != one(pull("synchronize", after="decaf")).id

    def test_tags_and_branches_that_go_tell_nothing(self) -> None:
        assert received(self.push(deleted=True)).events == []
        assert received(github("push", ref="refs/tags/PAY-1312", after="c0ffee", commits=[])).events == []

    def run(self, **said: Any) -> Sent:
        of = {"id": 5, "run_attempt": 1, "head_branch": "PAY-1312-x", "head_repository": REPOSITORY, "updated_at": AT}
        return github("workflow_run", action="completed", workflow_run={**of, "conclusion": "success", **said})

    def test_a_green_workflow_is_medium_and_the_systems_doing(self) -> None:
        status = one(self.run())
        assert (status.task, status.strength, status.to, status.actor) == ("PAY-1312", "medium", "green", "system")

    def test_a_red_one_or_a_strangers_tells_nothing(self) -> None:
        assert received(self.run(conclusion="failure")).events == []
        assert received(self.run(head_repository=FORK)).events == []

    def test_a_check_suite_counts_where_its_branch_has_a_pull_request_here(self) -> None:
        of = {"id": 6, "head_branch": "PAY-1312-x", "conclusion": "success", "updated_at": AT}
        assert received(github("check_suite", action="completed", check_suite={**of, "pull_requests": []})).events == []
        assert one(github("check_suite", action="completed", check_suite={**of, "pull_requests": [{}]})).to == "green"

    @pytest.mark.parametrize(
        ("environment", "strength", "category"),
        [
            ({"environment": "Production"}, "strong", "completed"),
            ({"environment": "eu-1", "production_environment": True}, "strong", "completed"),
            ({"environment": "Preview"}, "medium", None),
        ],
    )
    def test_only_what_is_deployed_to_production_is_strong(self, environment, strength, category) -> None:
        deployed = {"id": 8, "state": "success", "created_at": AT, "environment_url": "https://shop.example"}
        deployment = {"id": 7, "ref": "PAY-1312-x", **environment}
        status = one(github("deployment_status", deployment=deployment, deployment_status=deployed))
        assert (status.strength, status.category, status.deliverable) == (strength, category, "https://shop.example")
        waiting = {**deployed, "state": "in_progress"}
        assert received(github("deployment_status", deployment=deployment, deployment_status=waiting)).events == []


class TestWhoseDoing:
    @pytest.mark.parametrize(
        ("login", "kind", "actor"),
        [
            ("zoe", "User", "human"),
            ("dependabot[bot]", "Bot", "system"),
            ("claude[bot]", "Bot", "agent"),
            ("copilot", "User", "agent"),
            ("acme", "Organization", "system"),
        ],
    )
    def test_it_is_told_by_the_sender(self, login: str, kind: str, actor: str) -> None:
        assert one(pull("closed", merged=True, login=login, kind=kind)).actor == actor

    def test_agents_of_ones_own_are_configured(self) -> None:
        assert one(issue("closed", "Fixer-1"), receiver(hooks.config(agents=["fixer-1"]))).actor == "agent"


class TestRuns:
    def test_a_line_of_a_pull_request_links_its_run_to_its_task(self) -> None:
        delivery = received(pull("opened", body="Rounds.\n\nAgent-Run: s-481\nagent-run: s-482\n"))
        assert links(delivery) == [("s-481", "PAY-1312"), ("s-482", "PAY-1312")]

    def test_so_does_a_line_of_a_commit(self) -> None:
        sent = github("push", ref="refs/heads/PAY-1312", after="c0ffee", commits=[{"message": "x\n\nAgent-Run: s-481"}])
        assert links(received(sent)) == [("s-481", "PAY-1312")]

    def test_runs_may_be_named_after_branches(self) -> None:
        by = receiver(hooks.config(branch_run="ci-{repository}-{branch}"))
        assert links(received(pull("opened", branch="fix-1", body="closes #12"), by)) == [
            ("ci-acme/shop-fix-1", "acme/shop#12")
        ]

    def test_a_run_that_goes_to_another_task_and_back_is_told_so_each_time(self) -> None:
        def link(branch: str, sha: str) -> str:
            commits = [{"message": "x\n\nAgent-Run: r"}]
            delivery = received(github("push", ref=f"refs/heads/{branch}", after=sha, commits=commits))
            (found,) = (event for event in delivery.events if isinstance(event, Link))
            return found.id

        assert len({link("PAY-1", "a"), link("PAY-2", "b"), link("PAY-1", "c")}) == 3

    def test_without_a_name_for_the_line_none_is_looked_for(self) -> None:
        by = receiver(hooks.config(run_trailer=""))
        assert links(received(pull("opened", body="Agent-Run: s-481"), by)) == []
