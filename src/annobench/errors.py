"""The one exception that users are meant to read."""


class AnnobenchError(Exception):
    """Bad input or a broken file.

    The message is one sentence that names the file, the key or row, what was found and what is
    allowed. The command line prints it without a traceback and exits with status 2.
    """
