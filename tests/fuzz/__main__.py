"""`python -m tests.fuzz`: hostile input against every decoder and the whole of ingest.

Each target is tried in a process of its own, on inputs that begin as valid records and are then changed: bytes flipped,
cut and spliced; fields left out, doubled, or given other types, huge numbers, odd texts, deep nesting. A fault is an
error that the target does not declare, a hang, or memory beyond a small multiple of the input. The input is then kept
under build/fuzz, and tried again by --again FILE.
"""

import argparse
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.run import Fault, peak_bytes, progress, run, tried
from tests.fuzz.targets import TARGETS
from tests.support.command import run_main

KEPT_IN = Path(__file__).parents[2] / "build" / "fuzz"


def main(argv: Sequence[str]) -> int:
    """Fuzzes; 0 where nothing was found, 1 where something was, 2 where it cannot be done."""
    targets = "\n".join(f"  {name:16}{target.says}" for name, target in TARGETS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description=__doc__,
        epilog=f"targets:\n{targets}\n\nexamples:\n"
        "  python -m tests.fuzz --inputs 1000000             the long run, all targets\n"
        "  python -m tests.fuzz ingest --seed 7              one target, other inputs\n"
        "  python -m tests.fuzz calls --engine atheris       guided by coverage; needs: pip install atheris\n"
        "  python -m tests.fuzz calls --again build/fuzz/X   a kept input once more, with its traceback",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="what is tried; all, unless named")
    parser.add_argument("--inputs", type=int, default=100_000, help="of each target (100,000)")
    parser.add_argument("--seed", type=int, default=1, help="decides which inputs (1)")
    parser.add_argument("--engine", choices=("mutation", "atheris"), default="mutation", help="how inputs are made")
    parser.add_argument("--again", type=Path, metavar="FILE", help="try this input alone")
    options = parser.parse_args(argv)
    logging.getLogger("detector.kafka.unpacking").setLevel(logging.CRITICAL)  # it tells of each batch
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    chosen = options.targets or list(TARGETS)
    if options.engine == "atheris":
        from tests.fuzz.guided import missing

        if trouble := missing():
            print(trouble, file=sys.stderr)
            return 2
    if options.again is not None:
        for name in chosen:
            print(f"{name}: {'accepted' if tried(TARGETS[name].begin(), options.again.read_bytes()) else 'refused'}")
        return 0
    if len(chosen) == 1:
        return _one(chosen[0], options)
    told = ["--inputs", str(options.inputs), "--seed", str(options.seed), "--engine", options.engine]
    ends = {name: subprocess.run([sys.executable, "-m", "tests.fuzz", name, *told]).returncode for name in chosen}
    failed = [name for name, code in ends.items() if code]
    print(
        f"{len(chosen) - len(failed)} of {len(chosen)} targets without a fault" + "".join(f", not {n}" for n in failed)
    )
    return 1 if failed else 0


def _one(name: str, options: argparse.Namespace) -> int:
    if options.engine == "atheris":
        from tests.fuzz.guided import guided

        return guided(name, options.inputs, options.seed, KEPT_IN)
    try:
        ran = run(name, options.inputs, options.seed, KEPT_IN, progress(name, options.inputs))
    except Fault as fault:
        print(f"FAULT {fault}")
        return 1
    print(
        f"{name:16}{ran.inputs:,} inputs, {ran.accepted:,} accepted, {ran.seconds:.0f} s, "
        f"{peak_bytes() >> 20} MB at most, no fault"
    )
    return 0


if __name__ == "__main__":
    run_main(main)
