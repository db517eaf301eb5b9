"""What a call can tell, and what its detection costs where it does not: one table for all that speaks of it."""

from typing import NamedTuple


class Field(NamedTuple):
    """`cost`: what is not found without it. `fix`: how it comes in."""

    cost: str
    fix: str


FIELDS = {
    "usage": Field(
        "counted as unmetered: what these calls cost is in no sum and in no spike",
        "have the client ask for usage, as by stream_options.include_usage in streams",
    ),
    "price": Field(
        "counted as unpriced: these dollars are in no sum and in no spike",
        "name the model as its provider does, or give it a price in prices.list_file; see: detector prices MODEL",
    ),
    "run": Field(
        "what belongs together is not known: sessions mix, or a loop over several requests is not seen",
        "send the id of the session, or name its attribute in [sources.attributes] run",
    ),
    "task": Field(
        "a spike cannot page, outcomes are not joined, and the spend counts as claimed by no task",
        "OTEL_RESOURCE_ATTRIBUTES=task=…, or detector link, or the attribute's name in [sources.attributes] task",
    ),
    "team": Field(
        "what is usual is not known by team, and its alerts are for nobody in particular",
        "OTEL_RESOURCE_ATTRIBUTES=team=…, or team of the topic in [[sources]]",
    ),
    "agent": Field(
        "agents are not told apart: what is usual of one is not known, and sub-agents mix",
        "name the agent, or its attribute in [sources.attributes] agent",
    ),
    "answer": Field(
        "neither an answer nor a tool is seen: a loop never warns, as only tokens can be compared",
        "let the client send contents: ingest sketches them and keeps no text",
    ),
    "arguments": Field(
        "of tools only the names are seen: a loop of them never warns",
        "let the client send the arguments of its tools",
    ),
    "results": Field(
        "a loop of tools is judged with more care: 8 rounds to warn and 12 to page, not 4 or 5",
        "let the client send what its tools answer, where it can",
    ),
    "turn": Field(
        "a run is one turn throughout: a person who asks for the same again may look like a loop",
        "where people ask, send what changes with each request of theirs",
    ),
}
"""By name, in the order in which they are told. `arguments` and `results` are of tools, the others of calls."""

OF_TOOLS = ("arguments", "results")
