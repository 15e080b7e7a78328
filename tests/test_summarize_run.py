from fake_run import write_run_folder

from nfs_keras.report.summarize_run import summarize_run


def test_the_summary_names_every_part(tmp_path):
    text = summarize_run(write_run_folder(tmp_path / "run", images=False))
    for words in (
        "Run run",
        "regdb",
        "search: 25 min 30 s",
        "open fraction 0.520",
        "kept stage1 channel: visible",
        "compacted",
        "57.0",
        "40% fewer operations",
        "threshold visible to infrared: 0.410",
    ):
        assert words in text
    assert "missing" not in text


def test_lines_fit_a_terminal(tmp_path):
    text = summarize_run(write_run_folder(tmp_path / "run", images=False))
    lines = [x for x in text.splitlines()[2:] if not x.endswith(".")]
    assert max(map(len, lines)) <= 80


def test_what_is_missing_is_listed(tmp_path):
    (tmp_path / "run.json").write_text('{"seed": 1}')
    text = summarize_run(tmp_path)
    assert "missing: metrics.json (not written)" in text
    assert "missing: embeddings/ (not written)" in text
