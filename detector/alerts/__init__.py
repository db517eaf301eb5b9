"""The life of an episode, and its delivery to a pager."""
