"""The rules, one file each: facts in, a finding out; pure. To add one: a file like these, a line here, a test.

A rule module has NAME, KIND (which facts it looks at, see `detector.state.found`) and
`judge(facts, context) -> Finding | None`.
"""

from types import ModuleType

from detector.rules import loop, run_inflation, spend_spike

RULES: tuple[ModuleType, ...] = (loop, run_inflation, spend_spike)
