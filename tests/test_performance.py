from benchmarks import performance
from benchmarks.measure import figure, ratio_of

RESULT = {
    "machine": "1 x abacus",
    "versions": {"python": "3"},
    "date": "2026-01-01",
    "commit": "c0ffee",
    "form": "short",
    "seconds": 61,
    "load": 0.1,
    "share": 0.98,
    "ratios": {
        "ours against theirs": ratio_of([2.0, 1.0, 4.0], aim=3.0),
        "cost, ours against theirs": ratio_of([2.0], 3.0, "lower"),
    },
    "figures": {"adding": figure(50.0, "beads/s", 200.0, "both hands")},
}


def test_a_ratio_stands_beside_its_spread_and_its_aim():
    page = performance.write_page({"layers": RESULT})
    assert (
        "| ours against theirs | 2.00 (1.00 to 4.00) | 3 | at least 3 "
        "| **not met** |" in page
    )
    assert "| 1 | at most 3 | met |" in page


def test_a_figure_stands_beside_what_bounds_it():
    page = performance.write_page({"layers": RESULT})
    assert (
        "| adding | 50.00 beads/s | 200 beads/s | 25 % | both hands |" in page
    )


def test_a_section_names_the_source_of_its_numbers():
    page = performance.write_page({"layers": RESULT, "unheard_of": RESULT})
    for fact in ("layers --short`", "1 x abacus", "2026-01-01", "c0ffee"):
        assert fact in page
    assert "## unheard_of" in page


def test_a_result_of_a_busy_machine_is_marked():
    for share, marked in ((0.98, False), (0.7, True), (None, True)):
        page = performance.write_page({"layers": {**RESULT, "share": share}})
        assert ("**busy**, or" in page) == marked


def test_the_committed_page_is_up_to_date():
    """`python -m benchmarks.performance` makes it so."""
    results = performance.read_results(performance.RESULTS)
    assert performance.PAGE.read_text() == performance.write_page(results)
