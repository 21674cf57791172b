"""About: what it is for, what it is not for, limits, law, licences."""

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
    "About", "What this is for, what it must not be used for, and where its parts come from.", notice=False
)
left, right = st.columns(2)
left.markdown(
    """
    ### For
    - research and teaching on first impressions and on how machines reproduce them;
    - audits: for whom does such a model err, and is the difference more than chance?

    ### Not for
    - hiring, education, policing, insurance, or any decision about a person. In the EU, inferring emotions at work or
      in education is prohibited (AI Act, Article 5(1)(f)), and people must be told where emotions are recognised
      (Article 50(3)). A face and a voice are personal data: ask before you upload somebody else's, and never a
      child's without the parents. Ask a lawyer before you show it to the public.
    - saying what somebody is like. The labels are quick judgements of strangers, with all their prejudices.

    ### After
    - the thesis *Audio-Visual Deep Learning Regression of Apparent Personality* (A. Alfonso Hernández, University of
      Barcelona), whose four modalities and printed figures the pages name as the original thesis's.
    """
)
right.markdown(
    """
    ### Limits
    - *Neuroticism* in First Impressions holds its opposite; it is shown as **emotional stability (N)**.
    - The official split shares source videos between training and test: seen people look easier than they are.
    - Gender, ethnicity and age are what annotators or estimators perceived.
    - The models of real people predict a fifth of what differs between people's ratings, from the voice and the
      words; a telephone or strong compression moves the voice model as far as another person would.
    - People and labels of the practice data are computer-made; their figures say nothing about real people.

    ### Licences
    - code: MIT. **The weights that ship are for research and non-commercial use**, each under the licence below;
    - emotion weights: research use, as FER-2013; face model: CC BY-NC-SA 4.0;
    - First Impressions v2 is not included: ask ChaLearn for it.
    """
)
st.subheader("The models that ship")
cards = [json.loads((folder / "card.json").read_text()) for folder in (*REAL_MODEL_FOLDERS, *PRACTICE_MODELS)]
names = [model_label(folder.name) for folder in (*REAL_MODEL_FOLDERS, *PRACTICE_MODELS)]
rating = read_face_rater_card()
rows = [
    (escape_markdown(n), escape_markdown(describe_training_data(card)), escape_markdown(card["licence"]))
    for n, card in zip(names, cards, strict=True)
]
rows.append(("face ratings", escape_markdown(rating["origin"]), escape_markdown(rating["licence"])))
st.table(pd.DataFrame(rows, columns=["model", "trained on", "licence"]).set_index("model"))
st.subheader("Measured figures of the parts that ship")
emotion = json.loads((EMOTION_WEIGHTS_FILE.parent / "card.json").read_text())["public_test"]
face = json.loads((FACE_MODEL_FOLDER / "card.json").read_text())
columns = st.columns(3)
columns[0].metric("Expressions, FER-2013 public test", f"{emotion['accuracy']:.3f}", help=f"n = {emotion['n']:,}")
columns[1].metric("Calibration error of expressions", f"{emotion['calibration_error']:.3f}")
columns[2].metric("Portraits behind the face model", f"{face['used']:,} of {face['portraits']:,}")
