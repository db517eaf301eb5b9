"""The typed records that cross topics."""
