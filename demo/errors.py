"""What can stop the local platform, with the exit code that the runner then ends with."""


class DemoError(Exception):
    """The run cannot go on; the message is for the person at the terminal."""

    exit_code = 1


class SetupError(DemoError):
    """Something must be installed or chosen otherwise first; running again without that is useless."""

    exit_code = 2


class PortTakenError(SetupError):
    """Another program listens where a server should."""
