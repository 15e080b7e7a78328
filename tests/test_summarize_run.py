from fake_run import write_run_folder

from nfs_keras.report.summarize_run import summarize_run


def test_the_essence_is_told(tmp_path):
    text = summarize_run(write_run_folder(tmp_path / "run", pictures=False))
    for words in (
        "Run run",
        "regdb",
        "search: 25 min 30 s",
        "open fraction 0.520",
        "kept stage1 channel: visible",
        "derivation: mAP on the proxy people from 41.2 to 39.5",
        "compacted",
        "57.0",
        "threshold visible to infrared: 0.410",
    ):
        assert words in text
    assert "missing" not in text


def test_lines_fit_a_terminal(tmp_path):
    text = summarize_run(write_run_folder(tmp_path / "run", pictures=False))
    assert max(map(len, text.splitlines()[2:])) <= 80


def test_what_is_missing_is_told(tmp_path):
    (tmp_path / "run.json").write_text('{"seed": 1}')
    text = summarize_run(tmp_path)
    assert "missing: metrics.json (not written)" in text
    assert "missing: embeddings/ (not written)" in text
