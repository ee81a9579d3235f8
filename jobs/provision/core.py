"""What is said of the preparation."""

from jobs.shared.entry import Report


def report(*, bucket_made: bool | None, topics_made: int | None, collections: int | None) -> Report:
    """One item for each bucket, topic and collection; None stands for a part that was not asked for."""
    made = int(bool(bucket_made)) + (topics_made or 0)
    parts = {"bucket": bucket_made, "topics": topics_made, "collections": collections}
    return Report(written=made, details={f"{part}_made" if part != "collections" else part: value for part, value in parts.items() if value is not None})
