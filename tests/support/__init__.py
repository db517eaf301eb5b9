"""What tests lean on: brokers, Alertmanager, processes that never outlive the test run."""
