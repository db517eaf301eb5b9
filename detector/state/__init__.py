"""What is remembered of runs, tasks and agents, and how it is written down."""
