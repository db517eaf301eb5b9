"""Coding agents, which tell their calls in log records of their own."""

from detector.connect.client import BEARER, ENDPOINT, OTLP, TASK, Client, File, Lack, Setting

AGENTS = (
    Client(
        name="claude-code",
        title="Claude Code",
        seen="from its documentation; not run",
        sources=("claude_code",),
        variables=(
            Setting("CLAUDE_CODE_ENABLE_TELEMETRY", "1"),
            Setting("OTEL_LOGS_EXPORTER", "otlp", "its calls are log records; its metrics are sums of the same"),
            *OTLP,
            Setting("OTEL_LOG_TOOL_DETAILS", "1", "the arguments of tools, else their names alone"),
        ),
        guarded=(BEARER,),
        task=(TASK,),
        lacks=(
            Lack("results", "of tools only whether they succeeded, and the error"),
            Lack("arguments", "without OTEL_LOG_TOOL_DETAILS"),
        ),
        notes=(
            "It tells dollars of its own, which are taken; its input leaves cached tokens out, which are added.",
            "The same lines, without export, can be the env of its managed settings, for everybody at once.",
            "Behind a LiteLLM proxy that is connected too, the proxy's telling counts: see identity.meters.",
        ),
    ),
    Client(
        name="codex",
        title="Codex CLI",
        seen="run: codex exec 0.169",
        sources=("codex",),
        files=(
            File(
                "~/.codex/config.toml",
                "[otel]\n"
                f'exporter = {{ otlp-http = {{ endpoint = "{ENDPOINT}/v1/logs", protocol = "binary" }} }}\n'
                "log_user_prompt = false",
            ),
        ),
        guarded=(
            File(
                "~/.codex/config.toml, in place of the exporter above (from its documentation)",
                f'exporter = {{ otlp-http = {{ endpoint = "{ENDPOINT}/v1/logs", protocol = "binary", '
                'headers = { "Authorization" = "Bearer ${GATEWAY_TOKEN}" } } }',
            ),
        ),
        task=(TASK,),
        lacks=(Lack("turn", "never"),),
        notes=(
            "Arguments and results of tools are sent in full, log_user_prompt or not. Answers are not: tools stand for "
            "them.",
            "Logs are enough: its spans are 700 a turn, and neither they nor its metrics are counted.",
            "A codex exec that fails ends without sending its last second.",
            "A sub-agent is a run of its own; whose it is says the result of spawn_agent.",
            "A person is known with a ChatGPT login only.",
        ),
    ),
    Client(
        name="gemini-cli",
        title="Gemini CLI",
        seen="run: gemini -p 0.61, with an API key",
        sources=("gemini_cli",),
        files=(
            File(
                "~/.gemini/settings.json",
                '{"telemetry": {"enabled": true, "target": "local", "otlpProtocol": "http",\n'
                f'               "otlpEndpoint": "{ENDPOINT}", "logPrompts": true}}}}',
            ),
        ),
        guarded=(BEARER,),
        task=(TASK,),
        lacks=(
            Lack("results", "of tools only whether they succeeded, and the error"),
            Lack("arguments", "with logPrompts = false"),
            Lack("usage", "of a call that it cuts off itself, as its own loop detection does, nothing is told at all"),
        ),
        notes=(
            "With logPrompts = false there are neither arguments nor answers: a loop of its tools never warns.",
            "Its resource holds the command line, with a prompt given by -p. The detector does not keep it; a topic "
            "that a collector writes to does.",
            "A call is told three times, and counted once; thoughts are added to its output.",
            "A sub-agent is a run of its own within its session.",
        ),
    ),
)
