"""The command line as scripts call it: in process where that is enough, as a process where exit and output matter."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from personality.assets import demo
from personality.assets.shipped_models import REAL_MODEL_NAMES
from personality.cli.main import main
from personality.constants import MISUSE_WARNING
from personality.inference.face_impressions import FACE_RATING_NAMES
from personality.preprocessing.cache import Cache
from personality.preprocessing.media import probe
from personality.traits import EMOTIONS, TRAIT_NAMES

ROOT = Path(__file__).parents[1]
WORDLESS = ("voice", "voice_words")  # what predicts from the practice sample, whose voice speaks no language


def run(*arguments: object) -> subprocess.CompletedProcess:
    words = [str(argument) for argument in arguments]
    return subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, timeout=300)


def check_prediction(result: dict, models: Collection[str] = REAL_MODEL_NAMES) -> None:
    """Whether an object of `predict --json` has everything, with traits of these of the models of real people."""
    about_clip = {"clip", "duration", "faces", "audio", "age", "gender", "emotions", "transcript", "face_impressions"}
    assert set(result) == {*about_clip, "traits", "percentiles", "intervals", "models", "warnings"}
    assert len(result["faces"]) == 16
    assert set(result["faces"][0]) == {"time", "box", "score"}
    assert result["audio"] == {"seconds": 5.0, "rate": 16000}
    assert set(result["emotions"]) == set(EMOTIONS)
    assert set(result["face_impressions"]) == set(FACE_RATING_NAMES)
    assert set(result["models"]) == set(REAL_MODEL_NAMES)
    for facts in result["models"].values():
        assert set(facts) == {"trained_on", "licence", "sha256", "accuracy_unseen", "mean_unseen"}
        assert facts["mean_unseen"] < facts["accuracy_unseen"] < 1
    assert set(result["traits"]) == set(result["percentiles"]) == set(result["intervals"]) == set(models)
    for model, traits in result["traits"].items():
        assert list(traits) == list(result["percentiles"][model]) == list(TRAIT_NAMES)
        for trait, value in traits.items():
            low, high = result["intervals"][model][trait]
            assert 0 <= low < value < high <= 1
            assert 0 <= result["percentiles"][model][trait] <= 100


def test_predict_json_of_the_sample(capsys: pytest.CaptureFixture) -> None:
    assert main(["predict", str(demo.DEMO_SPEECH_CLIP_FILE), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    check_prediction(result)
    assert "gardener" in result["transcript"]
    assert result["duration"] == pytest.approx(probe(demo.DEMO_SPEECH_CLIP_FILE).duration, abs=1e-3)


def test_predict_json_of_a_voice_without_words(capsys: pytest.CaptureFixture) -> None:
    assert main(["predict", str(demo.DEMO_CLIP_FILE), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    check_prediction(result, WORDLESS)
    assert result["transcript"] is None
    assert any(warning.startswith("words ") for warning in result["warnings"])


def test_a_file_whose_name_begins_with_a_dash_is_no_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "-j3Kx.001.mp4").write_bytes(demo.DEMO_CLIP_FILE.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "-j3Kx.001.mp4", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["clip"] == "-j3Kx.001.mp4"
    check_prediction(result, WORDLESS)


@pytest.mark.trial
def test_predict_json_of_the_real_clips(real_data: Path) -> None:
    clips = [*sorted((real_data / "first-impressions/videos").rglob("*.mp4")), *(real_data / "more").glob("*.mp4")]
    result = run("personality", "predict", *clips, "--json")
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["clip"] for line in lines] == [clip.name for clip in clips]
    for line, word in zip(lines, ("christmas", "workout", "graduating"), strict=True):
        check_prediction(line)
        assert word in line["transcript"].lower()


def test_a_clip_that_cannot_be_read_is_an_error_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    assert main(["predict", str(tmp_path / "a.mp4"), str(demo.DEMO_CLIP_FILE), "--json"]) == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert set(first) == {"clip", "error"}
    check_prediction(second, WORDLESS)


def test_predict_in_words_says_what_it_is(capsys: pytest.CaptureFixture) -> None:
    assert main(["predict", str(demo.DEMO_CLIP_FILE)]) == 0
    assert MISUSE_WARNING in capsys.readouterr().out


def test_predict_with_a_run_of_ones_own(runs: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["predict", str(demo.DEMO_CLIP_FILE), "--run", str(runs / "audio"), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["traits"]) == {"audio"}


def test_evaluate_then_accuracy_by_gender(
    runs: Path, cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folders = [str(runs / name) for name in ("audio", "visual", "audiovisual", "handcrafted")]
    out = tmp_path / "p.parquet"
    assert main(["evaluate", *folders, "--cache", str(cache.folder), "--split", "test", "--out", str(out)]) == 0
    assert "was trained on other data" not in capsys.readouterr().out
    other = [
        "evaluate",
        str(demo.PRACTICE_MODEL_FOLDERS[0]),
        "--cache",
        str(cache.folder),
        "--split",
        "test",
        "--out",
        str(out),
    ]
    assert main([*other[:-1], str(tmp_path / "other.parquet")]) == 0
    assert "audio was trained on other data: people" in capsys.readouterr().out
    assert main(["accuracy", str(out), "--by", "gender", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    keys = {"model", "trait", "group", "n", "sources", "accuracy", "low", "high", "signed_error", "baseline"}
    assert all(set(row) == keys for row in rows)
    assert len(rows) == 4 * 6 * 2
    assert {row["model"] for row in rows} == {"audio", "visual", "audiovisual", "handcrafted"}


def test_import_predictions_of_real_labels(real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = real_data / "first-impressions"
    csv = folder / "published_predictions/validation_audio_scene.csv"
    arguments = ["--dataset", str(folder), "--split", "validation", "--model", "BU-NKU audio+scene"]
    assert main(["import-predictions", str(csv), *arguments, "--out", str(tmp_path / "p.parquet")]) == 0
    assert main(["accuracy", str(tmp_path / "p.parquet"), "--by", "ethnicity"]) == 0
    assert "African-American" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["preprocess", "EMPTY", "--out", "EMPTY/cache"],
        ["preprocess", "nowhere", "--out", "EMPTY/cache"],
        ["evaluate", "EMPTY", "--cache", "EMPTY", "--split", "test", "--out", "EMPTY/p"],
        ["accuracy", "nowhere.parquet"],
        ["synthesize", "EMPTY/people", "--people", "1"],
    ],
)
def test_bad_input_is_one_sentence_and_status_1(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main([word.replace("EMPTY", str(tmp_path)) for word in arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "p").exists()


def test_the_process_ends_without_a_traceback(tmp_path: Path) -> None:
    result = run("personality", "preprocess", tmp_path, "--out", tmp_path / "cache")
    assert (result.returncode, result.stdout) == (1, "")
    assert "Traceback" not in result.stderr
    result = run("training", "run", tmp_path, "--modality", "audio", "--out", tmp_path / "runs")
    assert result.returncode == 1
    assert "is not a finished cache" in result.stderr
    assert "Traceback" not in result.stderr


def test_gaps_joins_and_exports(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:

    table = pd.read_parquet(demo.DEMO_PREDICTIONS_FILE)
    parts = []
    for model in ("practice_audio", "practice_visual"):
        parts.append(tmp_path / f"{model}.parquet")
        table[table["model"].eq(model)].to_parquet(parts[-1])
    joined = str(tmp_path / "both.parquet")
    assert main(["join", *map(str, parts), "--mean", "both", "--out", joined]) == 0
    assert "200 clips x 3 models" in capsys.readouterr().out
    assert main(["join", *map(str, parts), "--mean", "practice_audio", "--out", joined]) == 1
    assert "practice_audio" in capsys.readouterr().err
    assert main(["gaps", joined, "--by", "gender", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["reference"] for row in rows} == {"female"}
    assert main(["gaps", joined, "--by", "gender", "--export", str(tmp_path / "out" / "gaps.json")]) == 0
    assert "largest difference of 2 groups" in capsys.readouterr().out
    made = json.loads((tmp_path / "out" / "gaps.json").read_text())
    assert (made["rows"], made["level"]) == (rows, 0.95)
    assert [row["measure"] for row in rows[:: len(rows) // 2]] == ["gain", "accuracy"]
    export = tmp_path / "accuracy.csv"
    assert main(["accuracy", joined, "--by", "age:30,50", "--export", str(export)]) == 0
    kept = pd.read_csv(export)
    assert kept["group"].unique().tolist() == ["under 30", "30 to 50", "50 and over"]
    assert {"gain_low", "concordance", "r2_low", "calibration_slope", "method", "level"} <= set(kept)
    assert main(["accuracy", joined, "--export", str(tmp_path / "accuracy.xlsx")]) == 1
    assert "--export" in capsys.readouterr().err


def test_the_mean_of_models_is_of_clips_on_which_all_speak(tmp_path: Path) -> None:
    from personality.predictions.assemble import join_predictions

    table = pd.read_parquet(demo.DEMO_PREDICTIONS_FILE)
    one, other = (table[table["model"].eq(model)] for model in ("practice_audio", "practice_visual"))
    silent = one["clip"].iloc[0]
    joined = join_predictions([one, other[other["clip"].ne(silent)]], mean="both").set_index(["model", "clip", "trait"])
    both = joined.loc["both"]
    assert silent not in both.index.get_level_values("clip")
    clip = both.index[7]
    wanted = sum(joined.loc[(model, *clip), "predicted"] for model in ("practice_audio", "practice_visual")) / 2
    assert both.loc[clip, "predicted"] == pytest.approx(wanted)
    assert both.loc[clip, "actual"] == joined.loc[("practice_audio", *clip), "actual"]


def test_external_predictions_are_shown_in_words_before_they_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Labels on 1 to 5, predictions on 1 to 7 of a model that was trained on two splits."""
    names = [f"v{number}" for number in range(12)]
    clips = pd.DataFrame({"Clip": [f"{name}.000.mp4" for name in names], "Set": ["train", "dev", *["test"] * 10]})
    (tmp_path / "data").mkdir()
    labels = clips.assign(**{letter: np.linspace(1, 5, 12) for letter in "OCEAN"})
    labels.assign(source=[*"ab", *"aabbcccccc"]).to_csv(
        tmp_path / "data" / "clips.csv", sep=";", decimal=",", index=False
    )
    theirs = clips.assign(**{letter: np.linspace(1, 7, 12) for letter in "OCEAN"}).drop(columns="Set")
    theirs.to_csv(tmp_path / "p.tsv", sep="\t", index=False)
    out = tmp_path / "p.parquet"
    command = ["import-predictions", str(tmp_path / "p.tsv"), "--dataset", str(tmp_path / "data"), "--split", "test"]
    command += ["--model", "m", "--out", str(out)]
    assert main(command) == 1
    assert "range from 1 to 5" in capsys.readouterr().err
    assert main([*command, "--label-scale", "1", "5"]) == 1
    assert "--scale 1 7" in capsys.readouterr().err
    assert not out.exists()
    command += ["--label-scale", "1", "5", "--scale", "1", "7", "--trained-on", "training", "validation"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "clip = Clip; openness = O" in printed
    assert "10 of 12 rows" in printed
    table = pd.read_parquet(out)
    assert table["predicted"].to_numpy() == pytest.approx(table["actual"].to_numpy())
    assert table.drop_duplicates("clip")["source_in_training"].tolist() == ["yes"] * 4 + ["no"] * 6


def test_figures_that_pool_splits_say_so(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    table = pd.read_parquet(demo.DEMO_PREDICTIONS_FILE)
    first = set(table["clip"].unique()[:50])
    table.assign(split=table["split"].where(~table["clip"].isin(first), "validation")).to_parquet(
        tmp_path / "t.parquet"
    )
    assert main(["accuracy", str(tmp_path / "t.parquet"), "--json"]) == 0
    printed = capsys.readouterr()
    assert "validation (50 clips), test (150 clips)" in printed.err
    assert json.loads(printed.out)
    assert main(["accuracy", str(tmp_path / "t.parquet"), "--by", "split"]) == 0
    assert capsys.readouterr().err == ""
