"""What tasks cost and what came of them, over 100 days: purses, sums by hour and day, and outcomes."""
