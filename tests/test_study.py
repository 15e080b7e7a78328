"""Every row of the study runs, and its line has the agreed form."""

import json

from programs import SMALL, run


def test_rows_of_the_study_run_and_are_lines_of_one_form():
    rows = ["plain", "searched_compact", "open_path", "random", "magnitude"]
    rows += ["cbam"]
    words = ["-m", "benchmarks.study", "--smoke", f"--rows={','.join(rows)}"]
    ended = run([SMALL, "budget", *words])
    assert ended.returncode == 0, ended.stderr
    text = [x for x in ended.stdout.splitlines() if x.startswith("{")]
    lines = [json.loads(line) for line in text]
    assert [line["row"] for line in lines] == rows
    found = {line["row"]: line for line in lines}
    for line in lines:
        assert line["cpu_seconds"] > 0 and line["epochs"] >= 3
        for direction in ("visible_to_infrared", "infrared_to_visible"):
            scores = line[direction]
            assert all(0 <= score <= 100 for score in scores.values())
    share = found["searched_compact"]["operations"]
    share /= found["plain"]["operations"]
    assert abs(share - 0.6) < 0.01
    assert found["open_path"]["operations"] == found["plain"]["operations"]
    share = found["magnitude"]["operations"] / found["plain"]["operations"]
    assert abs(share - 0.6) < 0.01
    assert found["cbam"]["operations"] > found["plain"]["operations"]
    assert found["random"]["operations"] <= found["plain"]["operations"]
