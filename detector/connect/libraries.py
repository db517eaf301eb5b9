"""Libraries under OpenTelemetry, which tell their calls in spans."""

from detector.connect.client import BEARER, OTLP, TASK, Client, File, Lack, Setting

SPANS = ("spans",)
_EXPORTED = (Setting("OTEL_TRACES_EXPORTER", "otlp", "for opentelemetry-instrument"), *OTLP)
_NO_TURN = Lack("turn", "never")
_BY_TRACE = Lack("run", "where the application names no session, a trace is a run")
_NO_RESULTS = Lack("results", "of tools, as it only sees that the model asks for them; a framework's spans tell them")

LIBRARIES = (
    Client(
        name="openai",
        title="OpenAI's SDK, OpenTelemetry's own instrumentation",
        seen="run: opentelemetry-instrumentation-openai-v2 2.4b0 with openai 2.54",
        sources=SPANS,
        variables=(
            *_EXPORTED,
            Setting("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY", "answers and tools"),
        ),
        guarded=(BEARER,),
        task=(TASK,),
        lacks=(
            Lack("usage", "of streams without include_usage; cached and reasoning tokens never, so it looks dearer"),
            _BY_TRACE,
            Lack("answer", "without OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"),
            _NO_RESULTS,
            _NO_TURN,
        ),
        notes=(
            "The Responses API is not instrumented: its calls are not told. OpenLLMetry and OpenInference tell them.",
            "As pip installs it today it does not import: openai 2.54 with opentelemetry-util-genai 1.0b0 does.",
        ),
    ),
    Client(
        name="openllmetry",
        title="OpenLLMetry",
        seen="run: opentelemetry-instrumentation-openai and -anthropic 0.62.4",
        sources=SPANS,
        variables=_EXPORTED,
        guarded=(BEARER,),
        task=(
            TASK,
            File(
                "your program, with Traceloop's SDK, where it changes from run to run",
                'Traceloop.set_association_properties({"session_id": session, "task": "PAY-1312"})',
            ),
        ),
        lacks=(
            Lack("usage", "of streams without include_usage; what was written to a cache never"),
            _BY_TRACE,
            Lack("answer", "with TRACELOOP_TRACE_CONTENT=false; else contents are sent"),
            _NO_RESULTS,
            _NO_TURN,
        ),
    ),
    Client(
        name="openinference",
        title="OpenInference",
        seen="run: openinference-instrumentation-openai 0.1.66, -langchain 0.1.80",
        sources=SPANS,
        variables=_EXPORTED,
        guarded=(BEARER,),
        task=(
            TASK,
            File(
                "your program, where it changes from run to run",
                'with using_attributes(session_id=session, metadata={"task": "PAY-1312"}):\n    ...',
            ),
        ),
        lacks=(
            Lack("usage", "of streams without include_usage"),
            _BY_TRACE,
            Lack("answer", "with OPENINFERENCE_HIDE_INPUTS or OPENINFERENCE_HIDE_OUTPUTS; else contents are sent"),
            Lack("results", "of tools by the instrumentation of a model's SDK; that of LangChain tells them"),
            _NO_TURN,
        ),
        notes=(
            "Its spans have no id of the call but in the answer: with hidden outputs a call that two instrumentations "
            "tell counts twice.",
        ),
    ),
    Client(
        name="anthropic",
        title="Anthropic's SDK, its own spans",
        seen="run: anthropic 2.12 and 2.14",
        sources=SPANS,
        variables=(
            *_EXPORTED,
            Setting("ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE", "content", "answers and tools"),
        ),
        guarded=(BEARER,),
        task=(TASK,),
        lacks=(
            Lack("usage", "of the output of a stream that is given up"),
            _BY_TRACE,
            Lack("answer", "without ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE"),
            _NO_RESULTS,
            _NO_TURN,
        ),
        notes=(
            "It tells its calls as soon as a TracerProvider is set, beside whatever instrumentation there is; a call "
            "that both tell is counted once. ANTHROPIC_OPEN_TELEMETRY=false ends it.",
        ),
    ),
    Client(
        name="pydantic-ai",
        title="pydantic-ai",
        seen="run: 2.68, instrumentation versions 2 to 6",
        sources=SPANS,
        files=(File("your program", "Agent.instrument_all()"),),
        variables=_EXPORTED,
        guarded=(BEARER,),
        task=(TASK,),
        lacks=(Lack("arguments", "without contents (include_content=False), nor results"), _NO_TURN),
        notes=(
            "Runs are conversations, tools are told with results, dollars where genai-prices knows the model.",
            "Spans of agents repeat the sums of their calls: these are not counted.",
            "An agent that another one's tool starts is a run of its own.",
        ),
    ),
    Client(
        name="langgraph",
        title="LangGraph and LangChain, by OpenLLMetry",
        seen="run: langgraph 1.2.22 and 1.2.24 with opentelemetry-instrumentation-langchain 0.62.4",
        sources=SPANS,
        variables=_EXPORTED,
        guarded=(BEARER,),
        task=(
            TASK,
            File(
                "your program, where it changes from run to run",
                'graph.invoke(state, {"metadata": {"session_id": session, "task": "PAY-1312"}})',
            ),
        ),
        lacks=(Lack("run", "without session_id or thread_id in the metadata a trace is a run"), _NO_TURN),
        notes=(
            "Arguments of tools come wrapped, with what changes from step to step: the wrapping is taken off.",
            "Reasoning tokens are not told apart from the output.",
            "OpenInference's instrumentation does as well: see there.",
        ),
    ),
    Client(
        name="langsmith",
        title="LangSmith's tracing, by OpenTelemetry",
        seen="run: langsmith 0.15",
        sources=SPANS,
        variables=(Setting("LANGSMITH_TRACING", "true"), Setting("LANGSMITH_OTEL_ENABLED", "true"), *OTLP),
        guarded=(BEARER,),
        task=(
            File(
                "your program",
                'graph.invoke(state, {"metadata": {"session_id": session, "task": "PAY-1312", "team": "payments"}})',
            ),
        ),
        lacks=(
            Lack("task", "from OTEL_RESOURCE_ATTRIBUTES, of which nothing remains: name it in the metadata"),
            Lack("run", "without session_id or thread_id in the metadata a trace is a run"),
            _NO_TURN,
        ),
        notes=(
            "Its metadata hold the environment's LANGSMITH_ variables. The detector keeps none of them.",
            "Its spans have no id of the call: beside another instrumentation a call counts twice. Use one.",
        ),
    ),
)
