"""Boxes around the detected faces, drawn over the playing video."""

from collections.abc import Sequence

from pages.components.language import translate
from pages.components.video_boxes import draw_boxes
from personality.preprocessing.faces import Face
from personality.preprocessing.media import Metadata
from personality.traits import EMOTIONS


def draw_face_overlay(metadata: Metadata, faces: Sequence[Face], *, player: str, key: str) -> None:
    """Draw a box and the strongest expression around the face that is nearest in time while the video plays.

    Parameters
    ----------
    metadata : Metadata
        Size, start and duration of the video.
    faces : sequence of Face
        The detected faces; boxes in pixels of the video.
    player : str
        Key of the container with the video.
    key : str
        Key of this component.
    """
    found = [{"time": face.time, "box": list(face.box), "words": format_strongest_emotion(face)} for face in faces]
    size = metadata.width, metadata.height
    draw_boxes(found, size=size, duration=metadata.duration, player=player, key=key, start=metadata.start)


def format_strongest_emotion(face: Face) -> str:
    """The strongest expression of a face and its probability."""
    assert face.emotions is not None
    strongest = int(face.emotions.argmax())
    return f"{translate(EMOTIONS[strongest])} {face.emotions[strongest]:.0%}"
