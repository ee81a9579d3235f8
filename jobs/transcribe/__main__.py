"""Entry point of transcribe."""

import argparse
from datetime import UTC, datetime

from jobs.shared.entry import Report, main
from jobs.shared.ports import Speech
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.http import HttpWeb
from jobs.shared.storage.kafka import KafkaLog, KafkaQueue
from jobs.shared.topics import EPISODE_METADATA
from jobs.transcribe import job
from jobs.transcribe.settings import TranscribeSettings, WhisperSettings


def load_speech(settings: WhisperSettings) -> Speech:
    # CTranslate2 and the weights: a run that finds publishers' transcripts alone needs neither.
    from jobs.shared.storage.whisper import WhisperSpeech, choose

    hardware = choose(settings.device, settings.compute_type, settings.workers, settings.threads)
    job.logger.info("speech model", extra={"model": settings.model, "hardware": vars(hardware)})
    return WhisperSpeech(settings.model, hardware, batch_size=settings.batch_size, beam_size=settings.beam_size, max_duration_s=settings.max_duration_s)


def start(settings: TranscribeSettings, _arguments: argparse.Namespace) -> Report:
    queue = KafkaQueue(settings.kafka, EPISODE_METADATA, job.STAGE)
    try:
        return job.run(
            queue,
            KafkaLog(settings.kafka),
            DeltaLake(settings.lake),
            HttpWeb(settings.http),
            load_speech=lambda: load_speech(settings.whisper),
            settings=settings,
            now=lambda: datetime.now(UTC),
        )
    finally:
        queue.close()


if __name__ == "__main__":
    raise SystemExit(main(job.STAGE, TranscribeSettings, start, doc=job.__doc__))
