"""Prevent test processes from connecting to other hosts; imported by Python at its start if the folder is on its path.

Connections and names are checked by an audit hook, which cannot be removed from the process.
"""

import ipaddress
import os
import sys
from typing import Any

NAMES = ("localhost", "", None)
ASKED = "socket.getaddrinfo", "socket.gethostbyname"  # events whose first argument is a name
SENT = "socket.connect", "socket.sendto", "socket.sendmsg"  # events whose second argument is an address


def loopback_only(event: str, arguments: tuple[Any, ...]) -> None:
    """Raise PermissionError for a connection to another host."""
    if event in ASKED:
        _check(arguments[0], event)
    elif event in SENT and isinstance(arguments[1], tuple):  # addresses of local sockets are not tuples
        _check(arguments[1][0], event)


def _check(host: Any, event: str) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in NAMES:
        return
    try:
        inside = ipaddress.ip_address(name).is_loopback or ipaddress.ip_address(name).is_unspecified
    except ValueError:
        inside = False
    if not inside:
        _note(f"{event} {name!r}")
        raise PermissionError(f"{event} {name!r}: tests may connect to this machine only")


def _note(what: str) -> None:
    """Write it to the file named by LOOPBACK_LOG, because the error may be caught and ignored."""
    if "LOOPBACK_LOG" in os.environ:
        with open(os.environ["LOOPBACK_LOG"], "a") as log:  # noqa: PTH123 - every Python process would import pathlib
            log.write(f"{what}\n")


sys.addaudithook(loopback_only)
