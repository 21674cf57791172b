"""The people of a clip: whose face is whose, by likeness and place, and which of them is followed."""

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

OTHERS_INTERVAL_MOMENTS = 4  # while one person is followed, others are looked for at every fourth moment
MIN_CERTAIN_SCORE = 0.45  # detection score that one face of a person reaches; upright portraits' 1st percentile is .54
MAX_SAME_DISTANCE = 0.55  # between likenesses of one person within a clip; between clips, 0.6 is recommended
MAX_SAME_CHANGE = 18.0  # grey levels by which one person's face changes from moment to moment; beyond, likeness decides
PLACE_WEIGHT = 0.2  # of being elsewhere, in units of likeness: between two who look alike, place decides
MAX_PEOPLE = 8  # whom a clip is searched for; further faces are left out
MIN_SIGHTINGS = 2  # of a person, in a clip with more faces than that; one alone is a pattern, or who walks by
MAX_TURN_TRIALS = 3  # frames without a certain face that are also searched upside down and on their sides
MIN_TURN_GAIN = 0.3  # by which the detection score is higher where the picture is turned
MIN_MOVEMENT = 1.5  # grey levels by which a living face changes from moment to moment: calm ones 2.6, pictures 0
FACE_REGION = (slice(56, 190), slice(56, 168))  # rows and columns of a crop that show the face
MOUTH_REGION = (slice(145, 185), slice(75, 150))  # and the mouth

PersonRule = Literal["largest", "speaking"]
PersonChoice = PersonRule | int  # int: the number of a person, from 1
PERSON_RULES: dict[PersonRule, str] = {"largest": "the largest that moves", "speaking": "whose mouth moves most"}


@dataclass
class TrackedPerson:
    """One person's faces, and for how many of the clip's moments each of them stands."""

    faces: list[Face] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)
    last_sighting: int = 0  # number of the frame with faces in which this one was last
    _likenesses: list[np.ndarray] = field(default_factory=list, repr=False)

    def add(self, face: Face, moments: int, sighting: int, likeness: np.ndarray | None = None) -> None:
        """A further face; its likeness where it was computed."""
        self.faces.append(face)
        self.moments.append(moments)
        self.last_sighting = sighting
        if likeness is not None:
            self._likenesses.append(likeness)

    @property
    def likeness(self) -> np.ndarray:
        """The mean of those computed, at least of the last face."""
        if not self._likenesses:
            self._likenesses.append(compute_likeness(self.faces[-1].crop))
        return np.mean(self._likenesses, axis=0)

    @property
    def last_box(self) -> FaceBox:
        """Where the person was seen last."""
        return self.faces[-1].box

    @property
    def is_certain(self) -> bool:
        """Whether one of the faces surely is one: of a real face in bad light some frames score near 0, patterns never
        score high."""
        return max(face.score for face in self.faces) >= MIN_CERTAIN_SCORE

    @property
    def size(self) -> float:
        """Width of the face in pixels, summed over the moments."""
        return sum(box_width(face.box) * count for face, count in zip(self.faces, self.moments, strict=True))

    def movement(self, region: tuple[slice, slice]) -> float:
        """By how many grey levels a region of the face changes from one sighting to the next; median, 0 for one."""
        changes = [_measure_change(former, later, region) for former, later in pairwise(self.faces)]
        return float(np.median(changes)) if changes else 0.0


class PeopleTracker:
    """Faces of frame after frame, sorted by person.

    As long as one face is found near where it was, nothing else is computed but a look for others now and then. From
    the first sign of another person on, all faces are found at each moment and told apart by likeness.
    """

    def __init__(self) -> None:
        self.has_several = False  # whether there was a sign of a second person
        self._finder = FaceFinder()
        self._people: list[TrackedPerson] = []
        self._sightings = 0
        self._turns = 0  # quarter turns by which heads are turned upright
        self._turn_trials = 0

    def find(self, frame: Frame, moments: int) -> Face | None:
        """The face in `frame`, which stands for so many moments, or None; one of them where there are several."""
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
        """One face, as long as there is no sign of a second person; else all."""
        if self.has_several:
            return self._finder.find_all(frame, MAX_PEOPLE)
        face = self._finder.find(frame)
        return [] if face is None else [face, *self._find_others(frame, face)]

    def _turns_picture(self, frame: Frame, faces: Sequence[Face]) -> bool:
        """Whether a face is surely found if the frame is turned, as it is from then on; what was found before is not
        taken for faces. Looked for in the first frames without a certain face."""
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
        """What was unusual, in words."""
        return [f"heads are not upright; the picture was turned by {90 * self._turns} degrees"] if self._turns else []

    def people(self) -> list[TrackedPerson]:
        """Everyone seen often enough, by the time of the first sighting, then from left to right."""
        certain = [one for one in self._people if one.is_certain]
        least = min(MIN_SIGHTINGS, max((len(one.faces) for one in certain), default=0))
        return sorted(
            (one for one in certain if len(one.faces) >= least), key=lambda one: (one.faces[0].time, one.faces[0].box)
        )

    def _find_others(self, frame: Frame, face: Face) -> list[Face]:
        """Other faces of the frame, if it is time to look or `face` may be of somebody else; sets `has_several`."""
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
        """Give each face to the person whom it continues or is most like, or to a new one."""
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
        """Give a face to the only person who was near it a moment ago, if it is the only face near that person and
        looks the same."""
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
    """The index of the person by the index of the face, for those that are alike."""
    if not faces or not people:
        return {}
    distances = np.array([[np.linalg.norm(one - person.likeness) for person in people] for one in likenesses])
    places = np.array([[_relative_distance(face.box, person.last_box) for person in people] for face in faces])
    rows, columns = linear_sum_assignment(distances + PLACE_WEIGHT * places)
    return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if distances[r, c] < MAX_SAME_DISTANCE}


def choose_person(people: Sequence[TrackedPerson], choice: PersonChoice) -> int:
    """The index of the person to follow; of several, one whose face never moves is not, if another's does.

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
    """A warning where there are several people."""
    reason = "as asked for" if isinstance(choice, int) else PERSON_RULES[choice]
    return [f"{count}; number {chosen + 1}, {reason}, was followed" for count in describe_count(people)]


def describe_count(people: Sequence[TrackedPerson]) -> list[str]:
    """How many people there are, where there are several."""
    return [f"{len(people)} people were found"] if len(people) > 1 else []


def _best_score(frame: Frame) -> float:
    return max((face.score for face in FaceFinder().find_all(frame, 1)), default=0.0)


def _measure_change(former: Face, later: Face, region: tuple[slice, slice] = FACE_REGION) -> float:
    """By how many grey levels a region of the crop differs, mean of its pixels."""
    one, other = (cv2.cvtColor(face.crop[region], cv2.COLOR_RGB2GRAY).astype(np.float32) for face in (former, later))
    return float(np.abs(one - other).mean())


def _are_alike(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.linalg.norm(one - other) < MAX_SAME_DISTANCE)


def _relative_distance(one: FaceBox, other: FaceBox) -> float:
    """Between two places in widths of the face, at most 1."""
    return min(1.0, box_distance(one, other) / max(box_width(other), 1.0))
