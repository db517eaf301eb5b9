"""Figures of teams for boards, from the books of portfolio: gauges that say what an audit of the same time says."""
