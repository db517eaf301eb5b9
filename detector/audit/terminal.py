"""The figures of an audit as a screen."""

from detector.audit.figures import Figures


def show(figures: Figures) -> None:
    """Prints them."""
    print(figures)
