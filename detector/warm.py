"""`python -m detector.warm`: compiles the numba kernels once, so that no start has to."""

from detector import engine
from detector.enrich import packing
from detector.sources import counting


def main() -> None:
    """Compiles into numba's cache beside the sources; does nothing where that is up to date."""
    packing.warm()
    counting.warm()
    engine.warm()


if __name__ == "__main__":
    main()
