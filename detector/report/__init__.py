"""What agents burnt, where they circled and what came of it, as a page, a screen of text and figures for machines."""
