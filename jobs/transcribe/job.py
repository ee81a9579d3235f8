"""Put into words what is said in each announced episode.

Reads    topic episode-metadata (group transcribe), tables episodes, transcripts, transcription_attempts; publishers' transcripts and audio.
Writes   tables episodes and transcripts (key episode_id), transcription_attempts (facts, one for each try), topic episode-metadata.dead.
Needs    Kafka with both topics and the lake; a GPU only if the settings say so.

Guarantee: at least once, and every write is keyed or looked for before it is made again. An episode's row comes first, then its
transcript, then the attempt, the offset last: a run that was killed anywhere is made good by the next one, which hears no episode
again that has a transcript, and notes no success twice. As many replicas as the topic has partitions may run side by side.

One bad episode gets a failed attempt with its reason, and two more tries in later runs, before anything new. A publisher's transcript
that cannot be used is noted, and the audio is heard instead. One bad record becomes a dead letter; a replay may write the same letter again.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime

from jobs.shared import tables
from jobs.shared.entry import Report
from jobs.shared.log import progress, stage_logger
from jobs.shared.models import Episode
from jobs.shared.ports import EventLog, RecordQueue, Speech, TableWriter, Web
from jobs.shared.topics import EPISODE_METADATA_DEAD
from jobs.transcribe import core
from jobs.transcribe.core import History, Outcome
from jobs.transcribe.listen import Listener
from jobs.transcribe.settings import TranscribeSettings

STAGE = "transcribe"

logger = stage_logger(STAGE)


@dataclass
class Tally:
    """Counts of one run."""

    records: int = 0
    retried: int = 0
    skipped: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    fallbacks: Counter[str] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)
    audio_s: float = 0.0
    hearing_s: float = 0.0

    @property
    def done(self) -> int:
        return self.sources.total() + self.reasons.total()

    def count(self, outcome: Outcome) -> None:
        if outcome.transcript is None:
            self.reasons[outcome.reason or "unknown"] += 1
        else:
            self.sources[outcome.transcript.source] += 1
            if outcome.reason:
                self.fallbacks[outcome.reason] += 1
        self.audio_s += outcome.audio_s


def run(
    queue: RecordQueue,
    letters: EventLog,
    lake: TableWriter,
    web: Web,
    *,
    load_speech: Callable[[], Speech],
    settings: TranscribeSettings,
    now: Callable[[], datetime],
) -> Report:
    """Retry what failed, then take what is new until the topic is silent; report in records and episodes."""
    return _Run(queue, letters, lake, Listener(web, load_speech, settings), settings=settings, now=now).all()


class _Run:
    def __init__(
        self, queue: RecordQueue, letters: EventLog, lake: TableWriter, listener: Listener, *, settings: TranscribeSettings, now: Callable[[], datetime]
    ) -> None:
        self._queue, self._letters, self._lake, self._listener = queue, letters, lake, listener
        self._settings, self._now = settings, now
        self._tally = Tally()

    def all(self) -> Report:
        tally = self._tally
        self._retry()
        while tally.records < self._settings.max_episodes:
            records = self._queue.poll(min(self._settings.batch, self._settings.max_episodes - tally.records), self._settings.idle_s)
            if not records:
                break
            tally.records += len(records)
            self._take(core.read_records(records))
            self._queue.commit()
        details = {
            "retried": tally.retried,
            "sources": dict(tally.sources),
            "reasons": dict(sorted(tally.reasons.items())),
            "publisher_failures": dict(sorted(tally.fallbacks.items())),
            "dead_letters": dict(sorted(tally.letters.items())),
        }
        if tally.audio_s:
            details |= {"audio_s": round(tally.audio_s, 1), "hearing_s": round(tally.hearing_s, 1)}
        return Report(
            read=tally.records + tally.retried,
            written=tally.sources.total(),
            skipped=tally.skipped,
            failed=tally.reasons.total() + tally.letters.total(),
            details=details,
        )

    def _retry(self) -> None:
        past = self._history()
        ids = core.retryable(past, self._settings.max_attempts)
        if not ids:
            return
        rows = {row["episode_id"]: row for row in self._lake.read(tables.EPISODES, where=[("episode_id", "in", ids)]).to_pylist()}
        episodes = [Episode.model_validate(rows[episode]) for episode in ids if episode in rows]
        self._tally.retried = len(episodes)
        self._work(episodes)

    def _take(self, records: core.Records) -> None:
        self._letters.publish(EPISODE_METADATA_DEAD, records.letters)
        for letter in records.letters:
            self._tally.letters[letter.reason] += 1
            logger.warning("dead letter", extra={"reason": letter.reason, "partition": letter.partition, "offset": letter.offset, "error": letter.message})
        self._tally.skipped += records.repeated
        if not records.episodes:
            return
        ids = [episode.episode_id for episode in records.episodes]
        stored = self._lake.read(tables.EPISODES, where=[("episode_id", "in", ids)])
        self._lake.upsert(tables.EPISODES, core.episode_rows(core.changed(records.episodes, stored)))
        past = self._history(ids)
        # A run that was killed between transcript and attempt left the attempt out.
        unnoted = [episode for episode in ids if episode in past.transcribed - past.done]
        self._lake.append(tables.TRANSCRIPTION_ATTEMPTS, core.success_rows(unnoted, self._now()))
        # What failed once waits for its next try at the beginning of a run, so that a replayed record is not another try.
        new = [episode for episode in records.episodes if episode.episode_id not in past.transcribed and not past.failures[episode.episode_id]]
        self._tally.skipped += len(ids) - len(new)
        self._work(new)

    def _history(self, ids: Sequence[str] | None = None) -> History:
        where = [("episode_id", "in", list(ids))] if ids is not None else []
        transcribed = self._lake.read(tables.TRANSCRIPTS, ["episode_id"], where)["episode_id"].to_pylist()
        return core.history(transcribed, self._lake.read(tables.TRANSCRIPTION_ATTEMPTS, ["episode_id", "outcome"], where).to_pylist())

    def _work(self, episodes: Sequence[Episode]) -> None:
        unwritten: list[Outcome] = []
        written_at = time.monotonic()
        total = self._tally.done + len(episodes)
        for outcome in self._outcomes(episodes):
            if outcome is not None:
                unwritten.append(outcome)
            is_late = time.monotonic() - written_at >= self._settings.flush_s
            if unwritten and (is_late or len(unwritten) >= self._settings.flush_items):
                self._write(unwritten, total)
                unwritten, written_at = [], time.monotonic()
        if unwritten:
            self._write(unwritten, total)

    def _outcomes(self, episodes: Sequence[Episode]) -> Iterator[Outcome | None]:
        """Outcomes in the order in which they are ready, and None now and then while there are none."""
        by_id = {episode.episode_id: episode for episode in episodes}
        with ExitStack() as stack:
            downloads = stack.enter_context(ThreadPoolExecutor(self._settings.downloads))
            reading: set[Future[Outcome]] = {downloads.submit(self._listener.read, episode) for episode in episodes}
            hearing: set[Future[Outcome]] = set()
            hearers: ThreadPoolExecutor | None = None
            began = 0.0
            try:
                while reading or hearing:
                    ready, _ = wait(reading | hearing, timeout=min(1.0, self._settings.flush_s), return_when=FIRST_COMPLETED)
                    if not ready:
                        yield None
                    for future in ready:
                        outcome = future.result()
                        was_read = future in reading
                        (reading if was_read else hearing).remove(future)
                        if outcome.transcript is not None or not was_read:
                            yield outcome
                            continue
                        if hearers is None:
                            hearers = stack.enter_context(ThreadPoolExecutor(self._listener.speech.workers))
                            began = time.monotonic()
                        hearing.add(hearers.submit(self._listener.hear, by_id[outcome.episode_id], outcome, self._listener.speech))
            finally:
                for future in reading | hearing:
                    future.cancel()
                if hearers is not None:
                    self._tally.hearing_s += time.monotonic() - began

    def _write(self, outcomes: Sequence[Outcome], total: int) -> None:
        self._lake.upsert(tables.TRANSCRIPTS, core.transcript_rows(outcomes))
        self._lake.append(tables.TRANSCRIPTION_ATTEMPTS, core.attempt_rows(outcomes, self._now()))
        for outcome in outcomes:
            self._tally.count(outcome)
            if outcome.transcript is None or outcome.reason:
                said = "episode failed" if outcome.transcript is None else "publisher's transcript left out"
                logger.warning(said, extra={"episode_id": outcome.episode_id, "reason": outcome.reason, "error": outcome.error})
        progress(logger, "episodes", self._tally.done, total, sources=dict(self._tally.sources))
