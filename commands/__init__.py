"""The write path: commands come in from Kafka, events are committed to PostgreSQL, then published."""
