"""Error messages for users: what happened, where, and what to do."""

from __future__ import annotations

import errno

OS_ERROR_ADVICE = {
    errno.ENOSPC: ("The disk is full", "free some space and try again"),
    errno.EDQUOT: ("The disk quota of this user is exceeded", "free some space and try again"),
    errno.EROFS: ("The file system is read-only", "choose a folder that is writable"),
    errno.EACCES: ("Permission denied", "change the permissions, or choose another folder"),
    errno.EPERM: ("Permission denied", "change the permissions, or choose another folder"),
    errno.ENOENT: ("File or folder not found", "check whether it was moved or deleted"),
    errno.ENOTDIR: ("Expected a folder, found a file", "choose another folder"),
    errno.EISDIR: ("Expected a file, found a folder", "move the folder"),
    errno.EMFILE: ("Too many files are open", "close other programs, or wait and try again"),
    errno.ENFILE: ("Too many files are open", "close other programs, or wait and try again"),
    errno.ENOMEM: ("Out of memory", "close other programs, or wait and try again"),
}


def describe_error(error: Exception) -> str:
    """Return the message of an error; for errors of the operating system, with the file and a remedy."""
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    what, advice = OS_ERROR_ADVICE.get(
        error.errno, (error.strerror or "The operation failed", "fix the problem and try again")
    )
    places = [str(place) for place in (error.filename, error.filename2) if place is not None]
    where = f": {' and '.join(places)}" if places else ""
    return f"{what}{where}; {advice}."
