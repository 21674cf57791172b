"""The dashboard: `streamlit run app.py`. Sets up the server, the navigation and the page configuration."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from personality.utils.app_log import log_to_stderr
from personality.utils.locations import APP_FOLDER
from personality.utils.public_mode import is_public
from server.addresses import keep_choices_in_address
from server.middleware import build_middleware
from server.options import configure_streamlit
from server.sessions import cleanup_lifespan

# If there is a folder called pages/, Streamlit serves every file in it as a page, bypassing this navigation, until a
# script run has called st.navigation. The server imports this file before it starts listening, which closes that gap.
PagesManager.uses_pages_directory = False
app = st.App(__file__, middleware=build_middleware(), lifespan=cleanup_lifespan)


# Streamlit writes in white on the primary colour, which has a contrast of 2.3:1 in the dark theme. `light-dark` follows
# the theme from the first moment; the script learns the theme only after its first run.
PRIMARY_COLOUR_STYLE = """<style>
[data-testid="stMultiSelect"] [data-tag], [data-testid="stMultiSelect"] [data-tag] *,
[data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primary"] * {
 color: light-dark(#FFFFFF, #12181F) !important }
</style>"""


def navigate() -> None:
    """Configure the page and run the navigation; called at the start of every script run."""
    log_to_stderr()
    if is_public():
        st.set_option("client.showErrorDetails", "none")
    # Before the navigation, which would otherwise show the page's icon from a server of Google as the favicon.
    st.set_page_config(page_icon=str(APP_FOLDER / "pages" / "icon.svg"), layout="wide")
    models = st.Page("pages/models.py", title="Models", icon=":material/model_training:", url_path="models")
    dataset = st.Page("pages/dataset.py", title="Dataset", icon=":material/folder_open:", url_path="dataset")
    pages = {
        "": [
            st.Page("pages/overview.py", title="Overview", icon=":material/home:", default=True),
            st.Page("pages/predict.py", title="Predict", icon=":material/videocam:", url_path="predict"),
            st.Page("pages/live.py", title="Live", icon=":material/sensors:", url_path="live"),
            st.Page("pages/guess.py", title="Guess first", icon=":material/psychology_alt:", url_path="guess"),
            *([] if is_public() else [dataset, models]),
        ],
        "Accuracy": [
            st.Page("pages/traits.py", title="Traits", icon=":material/radar:", url_path="traits"),
            st.Page("pages/gender.py", title="Gender and ethnicity", icon=":material/wc:", url_path="gender"),
            st.Page("pages/age.py", title="Age", icon=":material/cake:", url_path="age"),
            st.Page("pages/emotion.py", title="Emotion", icon=":material/mood:", url_path="emotion"),
            st.Page("pages/explore.py", title="Explore", icon=":material/travel_explore:", url_path="explore"),
        ],
        "More": [st.Page("pages/about.py", title="About", icon=":material/info:", url_path="about")],
    }
    page = st.navigation(pages)
    st.set_page_config(page_title=f"{page.title} · Apparent personality")
    st.html(PRIMARY_COLOUR_STYLE)
    with keep_choices_in_address():
        page.run()


if get_script_run_ctx() is not None:  # a visitor's script run; otherwise the server is importing this file
    navigate()
else:
    configure_streamlit()
