"""What portfolio remembers: accounts of agents and tasks by team, and sums of teams and models."""
