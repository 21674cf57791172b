"""The dashboard: `streamlit run app.py`. Sets up the server, the navigation and the page configuration."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.components import language
from personality.utils.app_log import log_to_stderr
from personality.utils.locations import APP_FOLDER
from personality.utils.public_mode import is_public
from server.addresses import keep_choices_in_address
from server.middleware import build_middleware
from server.options import configure_streamlit
from server.page_turns import page_turn
from server.sessions import cleanup_lifespan

# If there is a folder called pages/, Streamlit serves every file in it as a page, bypassing this navigation, until a
# script run has called st.navigation. The server imports this file before it starts listening, which closes that gap.
PagesManager.uses_pages_directory = False
app = st.App(__file__, middleware=build_middleware(), lifespan=cleanup_lifespan)


def navigate() -> None:
    """Configure the page and run the navigation; called at the start of every script run."""
    log_to_stderr()
    if is_public():
        st.set_option("client.showErrorDetails", "none")
    # Before the navigation, which would otherwise show the page's icon from a server of Google as the favicon.
    st.set_page_config(page_icon=str(APP_FOLDER / "pages" / "icon.svg"), layout="wide")
    with keep_choices_in_address():
        language.draw_language_choice()
        page = st.navigation(list_pages())
        st.set_page_config(page_title=f"{page.title} · {translate_title('Apparent personality')}")
        language.set_page_language(page.url_path)
        with page_turn():
            page.run()


def list_pages() -> dict[str, list[StreamlitPage]]:
    """The pages of the navigation by section, titled in the visitor's language."""
    models = define_page("pages/models.py", "Models", icon="model_training")
    dataset = define_page("pages/dataset.py", "Dataset", icon="folder_open")
    return {
        "": [
            define_page("pages/overview.py", "Overview", icon="home", default=True),
            define_page("pages/predict.py", "Predict", icon="videocam"),
            define_page("pages/live.py", "Live", icon="sensors"),
            define_page("pages/guess.py", "Guess first", icon="psychology_alt"),
            *([] if is_public() else [dataset, models]),
        ],
        translate_title("Accuracy"): [
            define_page("pages/traits.py", "Traits", icon="radar"),
            define_page("pages/gender.py", "Gender and ethnicity", icon="wc"),
            define_page("pages/age.py", "Age", icon="cake"),
            define_page("pages/emotion.py", "Emotion", icon="mood"),
            define_page("pages/explore.py", "Explore", icon="travel_explore"),
        ],
        translate_title("More"): [define_page("pages/about.py", "About", icon="info")],
    }


def define_page(path: str, title: str, *, icon: str, default: bool = False) -> StreamlitPage:
    """A page whose address is the name of its file, whatever the language of its title."""
    name, symbol = path.split("/")[1].removesuffix(".py"), f":material/{icon}:"
    return st.Page(path, title=translate_title(title), icon=symbol, url_path=name, default=default)


def translate_title(text: str) -> str:
    """A title of the navigation in the visitor's language, also of pages that are not translated."""
    return language.translate(text, language=language.chosen_language())


if get_script_run_ctx() is not None:  # a visitor's script run; otherwise the server is importing this file
    navigate()
else:
    configure_streamlit()
