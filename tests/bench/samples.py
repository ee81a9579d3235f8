"""The sample transcripts, read as the stage reads a publisher's."""

from pathlib import Path

from jobs.shared.models import Segment
from jobs.transcribe.publisher import read_transcript

FOLDER = Path(__file__).parents[2] / "demo" / "samples" / "transcripts"
MEDIA_TYPES = {".vtt": "text/vtt", ".srt": "application/srt", ".json": "application/json", ".txt": "text/plain"}


def transcripts() -> dict[str, tuple[Segment, ...]]:
    """Segments of every sample episode by its file's name."""
    return {path.stem: read_transcript(path.read_bytes(), MEDIA_TYPES[path.suffix], None) for path in sorted(FOLDER.iterdir())}
