"""One episode: the publisher's transcript, or its audio and what the speech model hears in it."""

import tempfile
from collections.abc import Callable

from jobs.shared.errors import ItemError, SourceError
from jobs.shared.models import Episode
from jobs.shared.ports import Speech, Web
from jobs.transcribe.core import Outcome, transcript_of
from jobs.transcribe.publisher import read_transcript
from jobs.transcribe.settings import TranscribeSettings


class Listener:
    """Makes outcomes of episodes; the speech model is loaded when the first episode needs it."""

    def __init__(self, web: Web, load_speech: Callable[[], Speech], settings: TranscribeSettings) -> None:
        self._web = web
        self._load_speech = load_speech
        self._settings = settings
        self._speech: Speech | None = None

    @property
    def speech(self) -> Speech:
        if self._speech is None:
            self._speech = self._load_speech()
        return self._speech

    def read(self, episode: Episode) -> Outcome:
        """What the publisher wrote; without a transcript, why it cannot be used."""
        if episode.transcript_url is None:
            return Outcome(episode.episode_id, None)
        try:
            page = self._web.get(episode.transcript_url, max_bytes=self._settings.max_transcript_bytes)
            media_type = episode.transcript_type or page.media_type
            segments = read_transcript(page.body, media_type, episode.duration_s)
        except SourceError as error:
            return Outcome(episode.episode_id, None, f"publisher-{error.reason}", f"publisher's transcript: {error}")
        return Outcome(episode.episode_id, transcript_of(episode.episode_id, segments, language=episode.language, source="publisher", model=media_type))

    def hear(self, episode: Episode, publisher: Outcome, speech: Speech) -> Outcome:
        """What is said in the audio; the reason of a publisher's failure stays beside it."""
        # A file without a name is gone with the process, however that ends.
        with tempfile.TemporaryFile(prefix="earshot-audio-", dir=self._settings.scratch_dir) as audio:
            try:
                self._web.get(episode.audio_url, max_bytes=self._settings.max_audio_bytes, into=audio, timeout_s=self._settings.audio_timeout_s)
                speaking = speech.transcribe(audio, episode.language)
            except ItemError as error:
                message = f"{publisher.error}; audio: {error}" if publisher.error else str(error)
                return Outcome(episode.episode_id, None, error.reason, message)
        transcript = transcript_of(episode.episode_id, speaking.segments, language=speaking.language, source="whisper", model=speech.model)
        return Outcome(episode.episode_id, transcript, publisher.reason, publisher.error, speaking.duration_s)
