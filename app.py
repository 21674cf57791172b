"""The dashboard: `streamlit run app.py`. Navigation and the page's frame; nothing else."""

import streamlit as st

from personality.events import write_log
from personality.public import is_public
from personality.workspace import ROOT

write_log()
if is_public():
    st.set_option("client.showErrorDetails", "none")
st.set_page_config(page_title="Apparent personality", page_icon=str(ROOT / "pages" / "icon.svg"), layout="wide")

models = st.Page("pages/models.py", title="Models", icon=":material/model_training:", url_path="models")
dataset = st.Page("pages/dataset.py", title="Dataset", icon=":material/folder_open:", url_path="dataset")
pages = {
    "": [
        st.Page("pages/overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("pages/predict.py", title="Predict", icon=":material/videocam:", url_path="predict"),
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
st.navigation(pages).run()
