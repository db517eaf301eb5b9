"""What pages and commands show of episodes and of what the fleet burns: read from the topics, and from nothing else."""
