"""What went wrong, as one sentence for people: what, where, what to do."""

from __future__ import annotations

import errno

OS_ERROR_ADVICE = {
    errno.ENOSPC: ("The disk is full", "make room and try again"),
    errno.EDQUOT: ("The quota of this user is used up", "make room and try again"),
    errno.EROFS: ("The file system may only be read", "name a folder that may be written"),
    errno.EACCES: ("This user may not do that", "change who may read or write there, or name another folder"),
    errno.EPERM: ("This user may not do that", "change who may read or write there, or name another folder"),
    errno.ENOENT: ("Something that was wanted is not there", "look whether it was moved or deleted"),
    errno.ENOTDIR: ("A folder was wanted and there is a file", "name another folder"),
    errno.EISDIR: ("A file was wanted and there is a folder", "move the folder away"),
    errno.EMFILE: ("Too many files are open", "close other programs, or wait and try again"),
    errno.ENFILE: ("Too many files are open", "close other programs, or wait and try again"),
    errno.ENOMEM: ("There is too little memory", "close other programs, or wait and try again"),
}


def describe_error(error: Exception) -> str:
    """An error in words for a person: our own have them; of the operating system's, what happened, where, and
    what to do."""
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    what, advice = OS_ERROR_ADVICE.get(error.errno, (error.strerror or "The system refused", "mend that and try again"))
    places = [str(place) for place in (error.filename, error.filename2) if place is not None]
    where = f": {' and '.join(places)}" if places else ""
    return f"{what}{where}; {advice}."
