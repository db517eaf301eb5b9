"""HTML and SVG that reports, audits and the pages of the worker are made of, and words that they share."""
