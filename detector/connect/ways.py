"""Gateways, collectors and Kafka itself: what stands between clients and the detector."""

from detector.connect.client import BROKERS, ENDPOINT, TOKEN, Client, File, Lack, Setting

_TAGGED = File(
    "the request, by the client of the proxy",
    '{"model": "…", "metadata": {"task": "PAY-1312", "session_id": "s-481", "tags": ["agent:fixer"]}}',
)
_SESSIONS = Lack("run", "where a client names no session, each request is a run of its own, and no loop is seen in it")

WAYS = (
    Client(
        name="litellm",
        title="LiteLLM's proxy, by a callback of ours",
        seen="run: LiteLLM 1.106",
        sources=("litellm",),
        files=(
            File("the proxy's config.yaml", "litellm_settings:\n  callbacks: [detector.litellm_callback.callback]"),
        ),
        variables=(Setting("DETECTOR_CALLBACK_ENDPOINT", ENDPOINT, "or kafka, to write there"),),
        guarded=(Setting("DETECTOR_CALLBACK_TOKEN", TOKEN),),
        task=(_TAGGED,),
        lacks=(_SESSIONS, Lack("turn", "never")),
        notes=(
            "It sketches beside the proxy: no prompt and no answer leaves the machine.",
            "Teams and people are those of its keys. A session is litellm_session_id, or Claude Code's own header.",
        ),
    ),
    Client(
        name="litellm-generic",
        title="LiteLLM's proxy, by its generic callback",
        seen="run: LiteLLM 1.106",
        sources=("litellm",),
        files=(File("the proxy's config.yaml", "litellm_settings:\n  callbacks: [generic_api]"),),
        variables=(Setting("GENERIC_LOGGER_ENDPOINT", f"{ENDPOINT}/v1/litellm"),),
        guarded=(Setting("GENERIC_LOGGER_HEADERS", f"Authorization=Bearer {TOKEN}"),),
        task=(_TAGGED,),
        lacks=(_SESSIONS, Lack("turn", "never")),
        notes=(
            "It sends prompts and answers in full, and does not send again what was not taken.",
            "Teams and people are those of its keys. A session is litellm_session_id, or Claude Code's own header.",
            "The otel callback of this version loses the usage: it needs LITELLM_OTEL_V2=true. This one has all of it.",
        ),
    ),
    Client(
        name="collector",
        title="An OpenTelemetry collector that writes to Kafka",
        seen="run: 0.155, on Apache Kafka 4.3",
        sources=(),
        files=(
            File(
                "the detector's configuration",
                '[[sources]]\ntopic = "otlp_logs"\nformat = "otlp_logs"\n\n'
                '[[sources]]\ntopic = "otlp_spans"\nformat = "otlp_spans"',
            ),
            File(
                "a shell, for the topics and the collector",
                "detector topics\notelcol-detector --config deploy/collector/collector.yaml",
            ),
        ),
        variables=(Setting("KAFKA_BROKERS", BROKERS, "of the collector"),),
        notes=(
            "Clients are told as for the gateway, with the collector's address as --endpoint.",
            "deploy/collector/collector.yaml loses nothing: by default a collector drops a whole batch above 1 MB, "
            "waits for one broker, and gives up after five minutes.",
            "What is seen is what its clients tell. Its defaults for topics, keys and encoding are read as they are.",
        ),
    ),
    Client(
        name="kafka",
        title="Events of your own, to Kafka",
        seen="docs/inputs.md has every field",
        sources=(),
        files=(
            File(
                "a record of llm.calls",
                '{"id": "c1", "time": "2026-11-22T10:00:00Z", "run": "s-481", "task": "PAY-1312",\n'
                ' "team": "payments", "agent": "fixer", "model": "claude-sonnet-4-5",\n'
                ' "usage": {"input_tokens": 41000, "output_tokens": 700},\n'
                ' "tools": [{"name": "edit", "arguments": {"path": "a.py"}, "result": "none", "error": true}]}',
            ),
        ),
        notes=(
            "The same events can be posted to the gateway: " + ENDPOINT + "/v1/events.",
            "Whatever is left out costs what detector connect --check kafka says.",
        ),
    ),
)
