"""librdkafka's mock cluster through its C API: a Kafka endpoint on loopback, inside this process.

It speaks the protocol of one broker to any client, and keeps everything in memory: about 5 MB or 100,000
batches a partition, older ones silently vanish. It has no CreateTopics, no DescribeConfigs, no compaction.
A topic that a client names first gets 4 partitions; the C API makes topics with any count.
"""

import ctypes

from detector.errors import DeploymentError

RD_KAFKA_PRODUCER = 0
RD_KAFKA_CONF_OK = 0
ALL_BROKERS = -1
ONE_BROKER = 1

_FUNCTIONS = {
    # name: (result, arguments); handles are opaque pointers
    "rd_kafka_conf_new": (ctypes.c_void_p, []),
    "rd_kafka_conf_set": (
        ctypes.c_int,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t],
    ),
    "rd_kafka_new": (
        ctypes.c_void_p,
        [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t],
    ),
    "rd_kafka_err2str": (ctypes.c_char_p, [ctypes.c_int]),
    "rd_kafka_mock_cluster_new": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
    "rd_kafka_mock_cluster_bootstraps": (ctypes.c_char_p, [ctypes.c_void_p]),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [ctypes.c_void_p, ctypes.c_int32]),
    "rd_kafka_mock_topic_create": (
        ctypes.c_int,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int],
    ),
    "rd_kafka_mock_broker_set_down": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32]),
    "rd_kafka_mock_broker_set_up": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32]),
    "rd_kafka_mock_broker_set_host_port": (
        None,
        [ctypes.c_void_p, ctypes.c_int32, ctypes.c_char_p, ctypes.c_int],
    ),
}


class MockCluster:
    """A mock cluster of one broker, for as long as the process lives. Attribute: bootstrap (host:port)."""

    def __init__(self) -> None:
        self._lib = _library()
        error = ctypes.create_string_buffer(512)
        conf = self._lib.rd_kafka_conf_new()
        # Errors only: at its own level it notes that the handle has no brokers, which it never asks for any.
        if self._lib.rd_kafka_conf_set(conf, b"log_level", b"3", error, len(error)) != RD_KAFKA_CONF_OK:
            raise DeploymentError(f"the embedded broker does not start: {error.value.decode()}")
        self._handle = self._lib.rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, len(error))
        if not self._handle:
            raise DeploymentError(f"the embedded broker does not start: {error.value.decode()}")
        self._cluster = self._lib.rd_kafka_mock_cluster_new(self._handle, 1)
        if not self._cluster:
            raise DeploymentError("the embedded broker does not start: it cannot listen on 127.0.0.1")
        # Its default of 3 s holds up every first join of a group.
        self._lib.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self.bootstrap: str = self._lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create_topic(self, name: str, partitions: int) -> None:
        """Makes a topic; raises DeploymentError where it exists."""
        self._checked(self._lib.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1), name)

    def set_down(self) -> None:
        """Cuts all connections and refuses new ones; records stay."""
        self._checked(self._lib.rd_kafka_mock_broker_set_down(self._cluster, ALL_BROKERS), "down")

    def set_up(self) -> None:
        """Accepts connections again."""
        self._checked(self._lib.rd_kafka_mock_broker_set_up(self._cluster, ALL_BROKERS), "up")

    def advertise(self, host: str, port: int) -> None:
        """Tells clients this address instead of its own; something must relay from there."""
        self._lib.rd_kafka_mock_broker_set_host_port(self._cluster, ONE_BROKER, host.encode(), port)

    def _checked(self, code: int, what: str) -> None:
        if code:
            raise DeploymentError(f"the embedded broker refuses {what}: {self._lib.rd_kafka_err2str(code).decode()}")


def _library() -> ctypes.CDLL:
    """librdkafka as confluent-kafka's own extension has it; raises DeploymentError."""
    try:
        from confluent_kafka import cimpl

        # Looked up through the extension, the symbols of what it is linked against are found too, wherever
        # the wheel put that: beside it on Linux (.libs), inside it on macOS (.dylibs), or in the system.
        lib = ctypes.CDLL(cimpl.__file__)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
    except (ImportError, OSError, AttributeError) as error:
        raise DeploymentError(
            "the embedded broker needs the mock cluster of librdkafka 2.3 or newer, which the wheels of "
            f"confluent-kafka carry ({error}); reinstall it with: pip install --force-reinstall "
            "--only-binary :all: 'confluent-kafka>=2.6,<3', or use a Kafka of your own by kafka.bootstrap"
        ) from error
    return lib
