"""Options and fixtures that all tests share: the broker, Alertmanager, and what is skipped without them."""

import gc
import warnings
from collections.abc import Callable, Iterator

import pytest

from tests.support import brokers
from tests.support.alertmanager import SILENT, Alertmanager
from tests.support.brokers import Apache, Broker, Kafka


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        default="embedded",
        metavar="embedded|apache|HOST:PORT",
        help="what the tests that need Kafka run on: the embedded broker (default), Apache Kafka fetched "
        "by Maven, or a running broker, on which topics are made and deleted",
    )
    parser.addoption(
        "--outage",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="how long brokers stay away in the tests of outages (default: 2); try 70, for a minute and more",
    )


def pytest_configure(config: pytest.Config) -> None:
    choice: str = config.getoption("--broker")
    if choice not in ("embedded", "apache") and not choice.rpartition(":")[2].isdigit():
        raise pytest.UsageError(f"--broker {choice}: is none of embedded, apache, HOST:PORT")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks by fixture, so that no test has to: -m 'not services' runs what needs Python alone.

    Where --broker names another, integration tests that ask for no broker would say the same again: they are left out.
    """
    if config.getoption("--broker") != "embedded":
        elsewhere = [item for item in items if not _asks_for_a_broker(item)]
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if _asks_for_a_broker(item)]
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if "kafka" in used:
            item.add_marker("kafka")
        if used & {"apache", "alertmanager", "browser"}:
            item.add_marker("services")


def _asks_for_a_broker(item: pytest.Item) -> bool:
    used = set(getattr(item, "fixturenames", ()))
    return not item.nodeid.startswith("tests/integration") or bool(used & {"broker", "cluster", "secured"})


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker that --broker names, for the whole run; most tests want `kafka`."""
    choice = request.config.getoption("--broker")
    with brokers.started(choice, tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def kafka(broker: Broker, request: pytest.FixtureRequest) -> Kafka:
    """The broker with topics and groups of this test's own."""
    return Kafka(broker, request.node.name)


@pytest.fixture
def apache(request: pytest.FixtureRequest) -> Apache:
    """Apache Kafka, to be killed and restarted; the test runs with --broker apache only."""
    if request.config.getoption("--broker") != "apache":
        pytest.skip("runs on Apache Kafka alone: pytest --broker apache")
    running: Apache = request.getfixturevalue("broker")
    return running


@pytest.fixture(scope="session")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Alertmanager]]:
    """Starts Alertmanagers: alertmanager(config_yaml) -> one with .url, .alerts(), .kill(), .start()."""
    running: list[Alertmanager] = []

    def start(config: str = SILENT) -> Alertmanager:
        running.append(Alertmanager(tmp_path_factory.mktemp("alertmanager"), config))
        return running[-1]

    yield start
    for each in running:
        each.kill()


@pytest.fixture(autouse=True)
def forgotten_connections(request: pytest.FixtureRequest) -> Iterator[None]:
    """aiokafka 0.14 forgets a connection that it was opening as it was told to stop: gone before the next test."""
    yield
    if request.node.nodeid.startswith(("tests/integration", "tests/e2e")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
