"""The one hierarchy of errors that cross a stage; each knows the exit code a process ends with."""


class PlatformError(Exception):
    """Something a stage depends on failed; running the stage again may succeed."""

    exit_code = 1


class SettingsError(PlatformError):
    """The settings are wrong; running the stage again without a change is useless."""

    exit_code = 2


class StorageError(PlatformError):
    """The lake, the broker or the document store could not be reached or refused; the message names what and where."""


class ConflictError(StorageError):
    """Other writers kept committing to the same table first."""


class ItemError(Exception):
    """One item (a feed, an episode, a record) is bad; the rest goes on.

    `reason` is a short stable word such as `http-404`, counted in reports and kept beside the item; the message is for people.
    """

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.reason = reason


class SourceError(ItemError):
    """A feed, a transcript or an audio file could not be fetched or is not what it says."""


class AudioError(ItemError):
    """Audio could not be decoded or is beyond the limits."""


class RecordError(ItemError):
    """A Kafka record does not hold what its topic promises."""


class EncodingError(ItemError):
    """A text could not be turned into a vector."""
