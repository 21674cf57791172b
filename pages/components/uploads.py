"""Deletion of the server's copy of an upload."""

from __future__ import annotations

from typing import cast

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile


def delete_uploaded_file(file: UploadedFile) -> None:
    """Delete the server's copy of an upload, which Streamlit would keep until the tab is closed."""
    context = get_script_run_ctx()
    if context is not None:
        manager = cast(MemoryUploadedFileManager, context.uploaded_file_mgr)  # the type that `streamlit run` uses
        manager.remove_file(session_id=context.session_id, file_id=file.file_id)
