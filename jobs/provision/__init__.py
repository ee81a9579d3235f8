"""Makes the bucket, the topics and the indexes."""
