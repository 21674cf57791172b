"""Streamlit options that are set when the server starts."""

from __future__ import annotations

import os

from streamlit import config, net_util

from personality.constants import upload_limits
from personality.utils.public_mode import is_public
from server.limits import PUBLIC_SERVER_LIMITS
from server.memory import use_mmap_for_large_blocks
from server.one_line_log import use_one_line_log_records

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def configure_streamlit() -> None:
    """Set the options now, and again whenever Streamlit reloads a changed configuration file."""
    if is_public():
        use_one_line_log_records()
    use_mmap_for_large_blocks()
    _stop_waiting_threads_from_spinning()
    _disable_external_ip_lookup()
    _set_options()
    config.on_config_parsed(_set_options, force_connect=True)


def _stop_waiting_threads_from_spinning() -> None:
    """Let PyTorch's threads sleep while they wait for each other. Takes effect if PyTorch is not yet loaded.

    By default they spin. If something else occupies a core, such as another visitor's page, the thread that all others
    wait for does not get one: on two cores, a network took 20 times as long as on an idle machine.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _disable_external_ip_lookup() -> None:
    """Prevent Streamlit from requesting this machine's public address from an external service.

    It does so in the event loop, for its start message and when a WebSocket has a foreign origin. Both work without
    the response.
    """
    net_util.get_external_ip = net_util.get_internal_ip = lambda: None


def _set_options() -> None:
    hosts = [*LOOPBACK_HOSTS, config.get_option("server.address"), *config.get_option("server.allowedHosts")]
    config.set_option("server.allowedHosts", list(dict.fromkeys(filter(None, hosts))))
    config.set_option("server.maxUploadSize", upload_limits().file_bytes // 2**20)
    config.set_option("client.allowedOrigins", [])  # accept no messages from embedding sites
    if is_public():
        config.set_option("server.maxWidgetStateSize", PUBLIC_SERVER_LIMITS.max_message_megabytes)
