import pytest

from personality.tables.clip_names import match_clips

FLAT = ["vid20.000.mp4", "vid20.001.mp4", "-Ab.000.mp4", "-aB.000.mp4", "00123.mp4", "two.mp4", "two.avi", "ü.mp4"]
FOLDERS = ["alice/1.mp4", "bob/1.mp4", "bob/2.mp4"]


@pytest.mark.parametrize(
    ("given", "clip"),
    [
        ("vid20.000.mp4", "vid20.000.mp4"),
        (" VID20.000.MP4", "vid20.000.mp4"),
        ("/home/me/test/vid20.001.mp4", "vid20.001.mp4"),
        ("C:\\data\\vid20.001.mp4", "vid20.001.mp4"),
        ("./vid20.001.mp4", "vid20.001.mp4"),
        ("vid20.000", "vid20.000.mp4"),
        ("features/vid20.000.npy", "vid20.000.mp4"),
        ("vid20", None),
        ("-Ab.000.mp4", "-Ab.000.mp4"),
        ("-AB.000.mp4", None),  # matches two clips if case is ignored
        ("-aB.000", None),
        ("00123", "00123.mp4"),
        ("123", None),
        ("two", None),
        ("two.avi", "two.avi"),
        ("two.webm", None),
        ("u\u0308", "ü.mp4"),
        ("", None),
        ("/", None),
    ],
)
def test_names_match_if_exactly_one_clip_fits(given: str, clip: str | None) -> None:
    assert match_clips([given], FLAT) == {given: clip}


def test_the_end_of_a_name_is_no_extension_if_a_clip_has_it() -> None:
    known = ["anna.mp4", "anna.happy.mp4", "P07.mp4", "P07.v2.mp4"]
    assert match_clips(["anna.happy", "P07.v2", "anna"], known) == {
        "anna.happy": "anna.happy.mp4",
        "P07.v2": "P07.v2.mp4",
        "anna": "anna.mp4",
    }


@pytest.mark.parametrize(
    ("given", "clip"),
    [
        ("alice/1.mp4", "alice/1.mp4"),
        ("/data/alice/1.mp4", "alice/1.mp4"),
        ("carol/1.mp4", None),  # the file name matches, but the folder does not
        ("1.mp4", None),
        ("2.mp4", "bob/2.mp4"),
        ("D:\\x\\bob\\2", "bob/2.mp4"),
        ("2", "bob/2.mp4"),
    ],
)
def test_folders_are_part_of_a_name(given: str, clip: str | None) -> None:
    assert match_clips([given], FOLDERS) == {given: clip}
