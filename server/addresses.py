"""Keep the address of a page equal to its choices: a copied address opens them, and Back restores them.

Streamlit 1.67 writes a changed widget into the address, but there are three cases in which choices are lost: its own
copy of the address is read only when the page changes, so that a later correction overwrites newer choices; a change of
page removes what other pages chose, although pages share choices; and each restored choice becomes an entry of the
browser's history. It has no public interface to these, so this module uses `QueryParams`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state import SessionState
from streamlit.runtime.state.query_params import QueryParams, _coerce_value_for_query_url


@contextmanager
def keep_choices_in_address() -> Iterator[None]:
    """Read the address before the page in the block, and correct it once after the page, if it needs that.

    Choices that only other pages have stay in the address, so that they are found again on the way back.
    """
    context = get_script_run_ctx()
    assert context is not None  # called by a visitor's script run
    address = context.query_string
    with context.session_state.query_params() as params:
        params.populate_from_query_string(address)
        params.set_initial_query_params_from_current()
        vars(params)["_send_query_param_msg"] = lambda: None  # no half of a correction: it would be an entry of history
        vars(params)["clear"] = lambda: None  # `st.switch_page` calls it, which fails if all pages share a choice
    try:
        yield
    finally:
        with context.session_state.query_params() as params:
            del vars(params)["_send_query_param_msg"], vars(params)["clear"]
            choices = add_choices(_read_address(address), params, context.session_state._state)
            # Without bindings, Streamlit does not remove the choices of this page when another one is opened.
            params._bindings_by_param.clear()
            params._bindings_by_widget.clear()
            params.populate_from_query_string(_write_address(choices))
            if choices != _read_address(address):
                params._send_query_param_msg()


def add_choices(choices: dict[str, list[str]], params: QueryParams, state: SessionState) -> dict[str, list[str]]:
    """The choices of an address, updated by the values of the widgets of a page; default values are left out."""
    found = dict(choices)
    for name, binding in params._bindings_by_param.items():
        metadata = state.get_widget_metadata(binding.widget_id)
        if metadata is None or name not in state:
            continue
        value = state[name]
        found.pop(name, None)
        if value != metadata.deserializer(None):
            written = _coerce_value_for_query_url(metadata.serializer(value), metadata.value_type)
            found[name] = [written] if isinstance(written, str) else written or [""]
    return found


def _read_address(query: str) -> dict[str, list[str]]:
    return parse_qs(query, keep_blank_values=True)


def _write_address(choices: dict[str, list[str]]) -> str:
    return urlencode(choices, doseq=True)
