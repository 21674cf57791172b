"""A visitor without a browser: speaks Streamlit's websocket protocol and may send whatever state it likes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

SECONDS = 120  # for one message of the server, at most; the first script run imports everything


@contextmanager
def visiting(address: str) -> Iterator[Visitor]:
    """A session with the server at `http://127.0.0.1:PORT`; it has asked for nothing yet."""
    stream = address.replace("http", "ws", 1) + "/_stcore/stream"
    with connect(stream, subprotocols=[Subprotocol("streamlit")], max_size=None, proxy=None) as socket:
        yield Visitor(socket)


class Visitor:
    """One session. `elements` and `fragments`: all that the server sent so far; `page_hash`: of the current page."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.elements: list[Element] = []
        self.fragments: set[str] = set()
        self.page_hash = ""

    def send(self, states: Sequence[WidgetState] = (), **where: Any) -> None:
        """Ask for a script run with these states of widgets.

        Parameters
        ----------
        states : sequence of WidgetState
            Any values for any ids.
        where : str
            Fields of `ClientState`: `page_name`, `page_script_hash`, `query_string`, `fragment_id`.
        """
        message = BackMsg(rerun_script=ClientState(**where))
        message.rerun_script.widget_states.widgets.extend(states)
        self.socket.send(message.SerializeToString())

    def receive(self) -> None:
        """Read until the script run has ended. Raises TimeoutError where the server sends nothing for `SECONDS`."""
        message = ForwardMsg()
        while message.WhichOneof("type") != "script_finished":
            message.ParseFromString(self.socket.recv(timeout=SECONDS, decode=False))
            if message.WhichOneof("type") == "new_session":
                self.page_hash = message.new_session.page_script_hash
            if message.WhichOneof("type") == "delta":
                self._note(message.delta)

    def ask(self, states: Sequence[WidgetState] = (), **where: Any) -> None:
        """Send and receive."""
        self.send(states, **where)
        self.receive()

    def _note(self, delta: Delta) -> None:
        if delta.fragment_id:
            self.fragments.add(delta.fragment_id)
        if delta.WhichOneof("type") == "new_element":
            self.elements.append(delta.new_element)

    def titles(self) -> list[str]:
        """The titles of the pages that were drawn."""
        return [element.heading.body for element in self.elements if element.heading.tag == "h1"]

    def kinds(self) -> set[str]:
        """The kinds of elements that were drawn: `button`, `alert`, ..."""
        return {str(element.WhichOneof("type")) for element in self.elements}

    def alerts(self) -> list[str]:
        """What infos, warnings and errors said."""
        return [element.alert.body for element in self.elements if element.WhichOneof("type") == "alert"]

    def widget(self, kind: str, key: str) -> str:
        """The id of the widget of this kind with the given key. Raises StopIteration where it was not drawn."""
        drawn = (getattr(element, kind) for element in self.elements if element.WhichOneof("type") == kind)
        return next(widget.id for widget in drawn if widget.id.endswith(f"-{key}"))


def together(visitors: Sequence[Visitor], pages: Sequence[str], states: Sequence[WidgetState]) -> None:
    """Send the first message of each visitor, one page for each, at the same moment, then read what each is shown."""
    barrier = threading.Barrier(len(visitors))

    def visit(visitor: Visitor, page: str) -> None:
        barrier.wait()
        visitor.send(states, page_name=page)

    threads = [threading.Thread(target=visit, args=pair) for pair in zip(visitors, pages, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for visitor in visitors:
        visitor.receive()
