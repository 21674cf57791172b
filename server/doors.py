"""The order in which a request passes."""

from __future__ import annotations

from starlette.middleware import Middleware

from personality.public import is_public
from server.answers import Answers
from server.hosts import Hosts
from server.places import Crowd
from server.sessions import Sessions
from server.uploads import Uploads


def doors() -> list[Middleware]:
    """What stands before the app, the outermost first."""
    strangers = [Middleware(Crowd), Middleware(Uploads)] if is_public() else []
    return [Middleware(Answers), Middleware(Hosts), *strangers, Middleware(Sessions)]
