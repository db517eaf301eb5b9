"""The board of the detector itself: whether it keeps up, what it could not use, and what it takes."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Row
from deploy.grafana.frame import board as framed
from deploy.grafana.panels import (
    AMBER,
    BYTES,
    BYTES_A_SECOND,
    COUNT,
    GREEN,
    PER_SECOND,
    RED,
    SECONDS,
    Made,
    Panel,
    Query,
    Steps,
    figure,
    lines,
)

TOLD = """Whether the detector keeps up with what comes, what of it it could not use, and what it takes. Of all \
workers that Prometheus scrapes."""
LAGS: Steps = ((None, GREEN), (60.0, AMBER), (300.0, RED))
NONE: Steps = ((None, GREEN), (1e-9, AMBER))


def board(detector_url: str) -> Dashboard:
    """Of all workers."""
    return framed("detector-health", TOLD, [_keeping_up(), _input(), _taking()], detector_url, labels=(), windows=())


def _keeping_up() -> Row:
    lag = "max by (stage, topic, partition) (detector_lag_records)"
    return (
        "Keeping up",
        [
            figure(
                Panel(
                    "Behind",
                    "The longest that a record has waited for a stage, by the broker's time; a producer's"
                    " wrong clock shows here too.",
                    [Query("max by (stage) (detector_behind_seconds)", "{{stage}}")],
                    SECONDS,
                    8,
                    steps=LAGS,
                    decimals=0,
                )
            ),
            figure(
                Panel(
                    "Not yet read",
                    "Records that wait in Kafka, by stage; of workers that all read the same, for the last of them.",
                    [Query(f"sum by (stage) ({lag})", "{{stage}}")],
                    COUNT,
                    8,
                )
            ),
            figure(
                Panel(
                    "Judged up to",
                    "How long ago the event time is up to which all is judged: a source that is behind is waited for.",
                    [Query("max by (stage) (detector_watermark_lag_seconds)", "{{stage}}")],
                    SECONDS,
                    8,
                    steps=LAGS,
                    decimals=0,
                )
            ),
            _over(
                "Records taken",
                "By stage, in their own records: what watch takes holds many observations.",
                "stage:detector_records:rate5m",
                "{{stage}}",
                PER_SECOND,
            ),
            _over(
                "Lag",
                "The longest wait over time, by stage.",
                "max by (stage) (detector_behind_seconds)",
                "{{stage}}",
                SECONDS,
                LAGS,
            ),
            _over(
                "Batches",
                "Records taken at once, half of the batches below. Small ones cost more CPU a record.",
                "histogram_quantile(0.5, sum by (stage, le) (stage_le:detector_batch_records:rate5m))",
                "{{stage}}",
                COUNT,
            ),
            lines(
                Panel(
                    "Event to alert",
                    "From the call that decided to the record of its alert, of the last 5 minutes.",
                    [
                        Query(
                            f"histogram_quantile({q}, sum by (le) (le:detector_event_to_alert_seconds:rate5m))",
                            f"{q:.0%} within",
                        )
                        for q in (0.5, 0.95)
                    ],
                    SECONDS,
                    8,
                    7,
                )
            ),
            _over(
                "Late",
                "Observations after the watermark: metered, and in no verdict of the past.",
                "sum(rate(detector_late_total[5m]))",
                "late",
                PER_SECOND,
            ),
            _over(
                "Sent twice",
                "Known by their ids, and counted once.",
                "sum(rate(detector_duplicates_total[5m]))",
                "twice",
                PER_SECOND,
            ),
        ],
    )


def _input() -> Row:
    return (
        "What came, and what could not be used",
        [
            _over(
                "Events",
                "Accepted by ingest, by kind.",
                "sum by (kind) (kind:detector_events:rate5m)",
                "{{kind}}",
                PER_SECOND,
            ),
            _over(
                "Dead letters",
                "Events that could not be used, by reason; their spend is not metered.",
                "sum by (reason) (reason:detector_dead_letters:rate5m)",
                "{{reason}}",
                PER_SECOND,
            ),
            _over(
                "Calls without a price or tokens",
                "Spend that no threshold sees.",
                "sum by (kind) (kind:detector_blind_calls:rate5m)",
                "{{kind}}",
                PER_SECOND,
            ),
            figure(
                Panel(
                    "Labels beyond their caps",
                    "Look-ups that became `other` since the workers began: what is narrower is not shown.",
                    [Query("sum by (label) (detector_label_overflow_total)", "{{label}}")],
                    COUNT,
                    12,
                    steps=NONE,
                )
            ),
            figure(
                Panel(
                    "Lost before it was read",
                    "Records that brokers deleted first, since the workers began: keep topics for longer.",
                    [Query("sum by (stage) (detector_missed_records_total)", "{{stage}}")],
                    COUNT,
                    12,
                    steps=NONE,
                )
            ),
        ],
    )


def _taking() -> Row:
    return (
        "What it takes",
        [
            _over(
                "Memory",
                "Resident, by worker.",
                "process_resident_memory_bytes and on (job, instance) detector_build_info",
                "{{instance}}",
                BYTES,
            ),
            _over(
                "CPU",
                "Cores in use, by worker; one worker uses one core at most.",
                "instance:detector_cpu:rate5m",
                "{{instance}}",
                COUNT,
            ),
            _over(
                "Live runs",
                "Runs in the memory of watch; they leave by time.idle_s and watch.max_runs.",
                "sum(detector_live_runs)",
                "runs",
                COUNT,
            ),
            _over(
                "Accounts",
                "Tasks, agents and teams in the memory of portfolio.",
                "sum by (kind) (detector_accounts)",
                "{{kind}}",
                COUNT,
            ),
            _over(
                "Checkpoint",
                "Time to write one, 95 of 100 within; events go on meanwhile.",
                "histogram_quantile(0.95, sum by (stage, le) (stage_le:detector_checkpoint_seconds:rate5m))",
                "{{stage}}",
                SECONDS,
            ),
            _over(
                "Checkpoints' bytes",
                "State written to the brokers.",
                "sum by (stage) (stage:detector_checkpoint_bytes:rate5m)",
                "{{stage}}",
                BYTES_A_SECOND,
            ),
        ],
    )


def _over(title: str, told: str, expr: str, legend: str, unit: str, steps: Steps | None = None) -> Made:
    panel = Panel(title, told, [Query(expr, legend)], unit, 8, 7)
    return lines(panel if steps is None else panel._replace(steps=steps))
