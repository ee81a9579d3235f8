"""Listener events from Kafka to Delta, exactly once."""
