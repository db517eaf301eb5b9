"""Pages about episodes and spend, rendered here: no script, nothing from elsewhere, within what a scope may see."""

from detector.web.pages.routes import routes

__all__ = ["routes"]
