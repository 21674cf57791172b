"""Assign the faces of a clip to people by likeness and place, and choose the person to follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from personality.preprocessing.faces import Face, FaceBox, FaceFinder, box_distance, box_width, compute_likeness
from personality.preprocessing.frame import Frame
from personality.preprocessing.media_errors import MediaError

OTHERS_INTERVAL_MOMENTS = 4  # other people are searched for at every fourth moment while one is followed
MIN_CERTAIN_SCORE = 0.45  # detection score that at least one face must reach; 1st percentile of upright portraits: .54
MAX_SAME_DISTANCE = 0.55  # between likenesses of one person within a clip; dlib recommends 0.6 between clips
MAX_SAME_CHANGE = 18.0  # gray levels; a face that changes more between moments is compared by likeness
PLACE_WEIGHT = 0.2  # weight of the distance in the picture, in units of likeness: place decides between similar faces
MAX_PEOPLE = 8  # people per clip; additional faces are ignored
MIN_SIGHTINGS = 2  # minimum number of faces of a person, if anyone has as many; fewer are patterns or passers-by
MAX_TURN_TRIALS = 3  # frames without a certain face that are also searched in the other three orientations
MIN_TURN_GAIN = 0.3  # minimum increase of the detection score for turning the picture
MIN_MOVEMENT = 1.5  # gray levels; minimum change of a living face between moments (calm faces: 2.6, pictures: 0)
FACE_REGION = (slice(56, 190), slice(56, 168))  # rows and columns of a crop that show the face
MOUTH_REGION = (slice(145, 185), slice(75, 150))  # rows and columns that show the mouth

PersonRule = Literal["largest", "speaking"]
PersonChoice = PersonRule | int  # int: the number of a person, from 1
PERSON_RULES: dict[PersonRule, str] = {"largest": "the largest that moves", "speaking": "whose mouth moves most"}


@dataclass
class TrackedPerson:
    """The faces of one person, and the number of moments of the clip that each face represents."""

    faces: list[Face] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)
    last_sighting: int = 0  # index of the last frame with this person, among the frames with faces
    _likenesses: list[np.ndarray] = field(default_factory=list, repr=False)

    def add(self, face: Face, moments: int, sighting: int, likeness: np.ndarray | None = None) -> None:
        """Add a face, with its likeness if it was computed."""
        self.faces.append(face)
        self.moments.append(moments)
        self.last_sighting = sighting
        if likeness is not None:
            self._likenesses.append(likeness)

    @property
    def likeness(self) -> np.ndarray:
        """The mean of the computed likenesses; computes that of the last face if there is none."""
        if not self._likenesses:
            self._likenesses.append(compute_likeness(self.faces[-1].crop))
        return np.mean(self._likenesses, axis=0)

    @property
    def last_box(self) -> FaceBox:
        """The box of the last face."""
        return self.faces[-1].box

    @property
    def is_certain(self) -> bool:
        """Whether one face has a high detection score. A real face in bad light scores near 0 in some frames, but a
        pattern never scores high."""
        return max(face.score for face in self.faces) >= MIN_CERTAIN_SCORE

    @property
    def size(self) -> float:
        """The sum of the widths of the face in pixels over all moments."""
        return sum(box_width(face.box) * count for face, count in zip(self.faces, self.moments, strict=True))

    def movement(self, region: tuple[slice, slice]) -> float:
        """The median change of a region between consecutive faces, in gray levels; 0 for a single face."""
        changes = [_measure_change(former, later, region) for former, later in pairwise(self.faces)]
        return float(np.median(changes)) if changes else 0.0


class PeopleTracker:
    """Detects faces frame by frame and assigns them to people.

    While a face is found near its last place, other faces are only searched for at intervals. From the first sign of a
    second person, all faces are detected at every moment and distinguished by likeness.
    """

    def __init__(self) -> None:
        self.has_several = False  # whether there was a sign of a second person so far
        self._finder = FaceFinder()
        self._people: list[TrackedPerson] = []
        self._sightings = 0
        self._turns = 0  # quarter turns that make heads upright
        self._turn_trials = 0

    def find(self, frame: Frame, moments: int) -> Face | None:
        """Find the faces in a frame that represents `moments` moments. Returns one of them, or None."""
        faces = self._find_faces(frame.turned(self._turns))
        if self._turns_picture(frame, faces):
            faces = self._find_faces(frame.turned(self._turns))
        if not faces:
            return None
        self._sightings += 1
        if self.has_several:
            self._assign(faces, moments)
        else:
            self._continue_with(faces[0], moments)
        return faces[0]

    def _find_faces(self, frame: Frame) -> list[Face]:
        """Find one face, or all faces after a sign of a second person."""
        if self.has_several:
            return self._finder.find_all(frame, MAX_PEOPLE)
        face = self._finder.find(frame)
        return [] if face is None else [face, *self._find_others(frame, face)]

    def _turns_picture(self, frame: Frame, faces: Sequence[Face]) -> bool:
        """Whether the frame has a certain face only if it is turned. All later frames are then turned as well, and
        earlier detections are discarded. Tried in the first frames without a certain face."""
        best = max((face.score for face in faces), default=0.0)
        was_certain = any(one.is_certain for one in self._people)
        if self._turns or was_certain or best >= MIN_CERTAIN_SCORE or self._turn_trials >= MAX_TURN_TRIALS:
            return False
        self._turn_trials += 1
        scores = {turns: _best_score(frame.turned(turns)) for turns in (1, 2, 3)}
        turns = max(scores, key=scores.__getitem__)
        if scores[turns] < max(MIN_CERTAIN_SCORE, best + MIN_TURN_GAIN):
            return False
        self._turns, self._people, self._finder, self.has_several = turns, [], FaceFinder(), False
        return True

    def notes(self) -> list[str]:
        """Describe what was unusual."""
        return [f"heads are not upright; the picture was turned by {90 * self._turns} degrees"] if self._turns else []

    def people(self) -> list[TrackedPerson]:
        """People with enough faces, by the time of their first face, then from left to right."""
        certain = [one for one in self._people if one.is_certain]
        least = min(MIN_SIGHTINGS, max((len(one.faces) for one in certain), default=0))
        return sorted(
            (one for one in certain if len(one.faces) >= least), key=lambda one: (one.faces[0].time, one.faces[0].box)
        )

    def _find_others(self, frame: Frame, face: Face) -> list[Face]:
        """Find other faces at intervals, or if `face` may belong to another person; sets `has_several`."""
        is_followed = bool(self._people) and (
            (self._finder.found_nearby and _measure_change(self._people[0].faces[-1], face) < MAX_SAME_CHANGE)
            or _are_alike(self._people[0].likeness, compute_likeness(face.crop))
        )
        if is_followed and self._sightings % OTHERS_INTERVAL_MOMENTS:
            return []
        others = [
            one
            for one in self._finder.find_all(frame, MAX_PEOPLE)
            if box_distance(one.box, face.box) > box_width(face.box) / 2
        ]
        others = [one for one in others if one.score >= MIN_CERTAIN_SCORE]
        self.has_several = bool(others) or (bool(self._people) and not is_followed)
        return others

    def _continue_with(self, face: Face, moments: int) -> None:
        if not self._people:
            self._people.append(TrackedPerson())
        self._people[0].add(face, moments, self._sightings)

    def _assign(self, faces: Sequence[Face], moments: int) -> None:
        """Assign each face to the person that it continues or resembles most, or to a new person."""
        rest = [face for face in faces if not self._continue_someone(face, faces, moments)]
        likenesses = [compute_likeness(face.crop) for face in rest]
        people = [one for one in self._people if one.last_sighting < self._sightings]
        assigned = _match(rest, likenesses, people)
        for number, (face, likeness) in enumerate(zip(rest, likenesses, strict=True)):
            if number not in assigned and len(self._people) >= MAX_PEOPLE:
                continue
            if number not in assigned:
                self._people.append(TrackedPerson())
            person = people[assigned[number]] if number in assigned else self._people[-1]
            person.add(face, moments, self._sightings, likeness)

    def _continue_someone(self, face: Face, faces: Sequence[Face], moments: int) -> bool:
        """Assign a face by place if exactly one person was near it, no other face is near that person, and the face has
        hardly changed. Returns whether it was assigned."""
        recent = [one for one in self._people if one.last_sighting >= self._sightings - 1]
        near = [one for one in recent if _relative_distance(face.box, one.last_box) < 1]
        if len(near) != 1 or near[0].last_sighting == self._sightings:
            return False
        rivals = sum(_relative_distance(other.box, near[0].last_box) < 1 for other in faces)
        if rivals > 1 or _measure_change(near[0].faces[-1], face) >= MAX_SAME_CHANGE:
            return False
        near[0].add(face, moments, self._sightings)
        return True


def _match(faces: Sequence[Face], likenesses: Sequence[np.ndarray], people: Sequence[TrackedPerson]) -> dict[int, int]:
    """Map indices of faces to indices of people that resemble them."""
    if not faces or not people:
        return {}
    distances = np.array([[np.linalg.norm(one - person.likeness) for person in people] for one in likenesses])
    places = np.array([[_relative_distance(face.box, person.last_box) for person in people] for face in faces])
    rows, columns = linear_sum_assignment(distances + PLACE_WEIGHT * places)
    return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if distances[r, c] < MAX_SAME_DISTANCE}


def choose_person(people: Sequence[TrackedPerson], choice: PersonChoice) -> int:
    """The index of the person to follow. A face that never moves, such as a picture, is chosen only if no face moves.

    Parameters
    ----------
    people : sequence of TrackedPerson
        At least one.
    choice : int, "largest" or "speaking"
        The number of a person; the largest face, weighted by the time it is seen; or the face whose mouth moves most.

    Raises
    ------
    MediaError
        There is no person of that number.
    """
    if isinstance(choice, int):
        if not 1 <= choice <= len(people):
            raise MediaError(f"There is no person {choice}; people found in this clip: {len(people)}.")
        return choice - 1
    moving = [number for number, one in enumerate(people) if one.movement(FACE_REGION) >= MIN_MOVEMENT]
    candidates = moving or range(len(people))
    if choice == "speaking":
        return max(candidates, key=lambda number: people[number].movement(MOUTH_REGION))
    return max(candidates, key=lambda number: people[number].size)


def describe_choice(people: Sequence[TrackedPerson], chosen: int, choice: PersonChoice) -> list[str]:
    """A warning if there are several people, with the rule of the choice."""
    reason = "as asked for" if isinstance(choice, int) else PERSON_RULES[choice]
    return [f"{count}; number {chosen + 1}, {reason}, was followed" for count in describe_count(people)]


def describe_count(people: Sequence[TrackedPerson]) -> list[str]:
    """A warning with the number of people, if there are several."""
    return [f"{len(people)} people were found"] if len(people) > 1 else []


def _best_score(frame: Frame) -> float:
    return max((face.score for face in FaceFinder().find_all(frame, 1)), default=0.0)


def _measure_change(former: Face, later: Face, region: tuple[slice, slice] = FACE_REGION) -> float:
    """The mean absolute difference of a region of two crops, in gray levels."""
    one, other = (cv2.cvtColor(face.crop[region], cv2.COLOR_RGB2GRAY).astype(np.float32) for face in (former, later))
    return float(np.abs(one - other).mean())


def _are_alike(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.linalg.norm(one - other) < MAX_SAME_DISTANCE)


def _relative_distance(one: FaceBox, other: FaceBox) -> float:
    """The distance between two boxes in widths of the face, at most 1."""
    return min(1.0, box_distance(one, other) / max(box_width(other), 1.0))
