"""Who sees what: the one place that decides it, for pages, JSON, the audit and `detector who`."""
