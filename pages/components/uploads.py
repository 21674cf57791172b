"""The server's own copy of an upload."""

from __future__ import annotations

from typing import cast

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile


def delete_uploaded_file(file: UploadedFile) -> None:
    """Drop the server's own copy, which it would keep until the tab is closed."""
    context = get_script_run_ctx()
    if context is not None:
        manager = cast(MemoryUploadedFileManager, context.uploaded_file_mgr)  # what `streamlit run` makes
        manager.remove_file(session_id=context.session_id, file_id=file.file_id)
