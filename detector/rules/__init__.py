"""The rules, one file each: facts in, a verdict out; pure. To add one: a file like these, a line here, a test.

A rule module has NAME, KIND (which facts it looks at, see `detector.state.found`) and
`judge(facts, context) -> Verdict`: every check it made, and the finding where they hold.
"""

from types import ModuleType

from detector.rules import context_bloat, loop, redundant_work, run_inflation

RULES: tuple[ModuleType, ...] = (loop, redundant_work, run_inflation, context_bloat)
