"""The server: `streamlit run app.py`. Every visitor is shown dashboard.py."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

# Beside a folder called pages/ Streamlit serves every file in it as a page, past dashboard.py, until a script run has
# called st.navigation. This module is imported before the server listens, so there is no such time.
PagesManager.uses_pages_directory = False
app = st.App("dashboard.py")
