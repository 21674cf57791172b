"""About: intended and prohibited uses, limits, terms, licences."""

import json

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets
from pages.components.plain_text import escape_markdown
from personality.assets.shipped_models import PRACTICE_MODELS, REAL_MODEL_FOLDERS, model_label
from personality.inference.face_impressions import read_face_rater_card
from personality.inference.model_facts import describe_training_data
from personality.preprocessing.emotion import EMOTION_WEIGHTS_FILE
from personality.synthetic.face_model import FACE_MODEL_FOLDER

analysis_widgets.draw_page_header(
    "About", "What the project is for, what it must not be used for, and which terms the pages use.", notice=False
)
left, right = st.columns(2)
left.markdown(
    """
    ## Intended use
    - Research and teaching on first impressions and on how models reproduce them.
    - Audits: for which groups does a model make larger errors, and is the difference statistically significant?

    ## Prohibited use
    - Hiring, education, policing, insurance, or any other decision about a person. In the EU, inferring emotions at
      work or in education is prohibited (AI Act, Article 5(1)(f)), and people must be informed when emotions are
      recognised (Article 50(3)). Faces and voices are personal data: ask for permission before you upload a video of
      another person, and never upload a video of a child without the parents' consent. Ask a lawyer before you make
      this app available to the public.
    - Drawing conclusions about what a person is really like. The ratings are quick judgements by strangers and
      contain their prejudices.

    ## Background
    - The project builds on the thesis *Audio-Visual Deep Learning Regression of Apparent Personality*
      (A. Alfonso Hernández, University of Barcelona). Results from it are labelled "thesis" on the pages.
    """
)
right.markdown(
    """
    ## Limits
    - The column *neuroticism* in First Impressions contains the opposite of neuroticism. The pages show it as
      **emotional stability** (S on charts with letters).
    - In the official split, training and test clips share source videos. Accuracy on the people in these videos is
      higher than it would be on new people.
    - Gender, ethnicity and age are as perceived by annotators, or estimated from the face.
    - The models trained on real people use the voice and the words and explain about a fifth of the differences
      between people's ratings. A telephone line or strong compression can change the prediction from the voice as
      much as a different speaker.
    - The people and ratings in the practice data are computer-made. Results on them do not apply to real people.

    ## Licences
    - Code: MIT. **The included model weights are for research and non-commercial use**; the tables below list the
      licences.
    - Expression classifier: research use, like FER-2013. Face model: CC BY-NC-SA 4.0.
    - First Impressions v2 is not included. It is available from ChaLearn on request.
    """
)
st.header("Terms", anchor="terms")
st.markdown(
    """
    - **Predicted first impression**: a model's estimate of how strangers would rate a person after a few seconds of
      video, on a scale from 0 to 1.
    - **Accuracy**: 1 − mean absolute error between predictions and human ratings.
    - **Mean baseline**: the accuracy of giving every clip the mean rating of the training clips, without looking at
      it. A model that is not better has learned nothing useful.
    - **Same-source baseline**: the accuracy of giving a clip the mean rating of other clips from the same source
      video, adjusted towards the overall mean if there are only a few. It shows how accurate a model could be just by
      recognising the video.
    - **Gain**: accuracy minus the mean baseline.
    - **Source, source video**: the video from which clips were cut. It is *seen* if other clips of it were used in
      training, otherwise *unseen*.
    - **95 % interval**: the range of values that are compatible with the data, given the number of source videos.
    - **No significant difference**: the difference is small enough to be due to chance. This does not prove that
      there is none.
    - **Minimum detectable difference (80 % power)**: the smallest true difference that the test would find in four
      of five cases. Smaller differences can easily be missed.
    """
)
st.header("Included models")
cards = [json.loads((folder / "card.json").read_text()) for folder in (*REAL_MODEL_FOLDERS, *PRACTICE_MODELS)]
names = [model_label(folder.name) for folder in (*REAL_MODEL_FOLDERS, *PRACTICE_MODELS)]
face_rater = read_face_rater_card()
rows = [
    (escape_markdown(n), escape_markdown(describe_training_data(card)), escape_markdown(card["licence"]))
    for n, card in zip(names, cards, strict=True)
]
rows.append(("face ratings", escape_markdown(face_rater["origin"]), escape_markdown(face_rater["licence"])))
st.table(pd.DataFrame(rows, columns=["model", "trained on", "licence"]).set_index("model"))
st.header("Quality of other included components")
emotion = json.loads((EMOTION_WEIGHTS_FILE.parent / "card.json").read_text())["public_test"]
face = json.loads((FACE_MODEL_FOLDER / "card.json").read_text())
columns = st.columns(3)
columns[0].metric(
    "Expression accuracy (FER-2013 public test)", f"{emotion['accuracy']:.3f}", help=f"n = {emotion['n']:,}"
)
columns[1].metric("Expression calibration error", f"{emotion['calibration_error']:.3f}")
columns[2].metric("Portraits used for the face model", f"{face['used']:,} of {face['portraits']:,}")
