from rich.console import Console

from gansearch.report.certificates_table import CertificatesTable, certified_line

OUTCOMES = {0: [5.0] * 4, 1: [5.1, 5.2, 5.3, 5.4], 2: [5.0, None, None], 3: [9.0, 9.0, 9.0]}


def shown(certification, width=140):
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(CertificatesTable(certification))
    return capture.get()


def row(told, trial):
    return next(line.split() for line in told.splitlines() if line.split()[:1] == [str(trial)])


def test_the_table_has_a_row_a_candidate_from_the_smallest(certification):
    told = shown(certification(OUTCOMES))
    assert [line.split()[0] for line in told.splitlines()[1:5]] == ["2", "1", "3", "0"]
    assert " ".join(row(told, 1)) == "1 50 5.0% 4 of 4 ≥ 47% 5.25 (5.1 to 5.4) yes no stable"
    assert row(told, 2)[-1] == "unstable"
    assert " ".join(row(told, 3)[-2:]) == "too weak"


def test_on_80_columns_the_range_of_the_quality_takes_two_lines_and_nothing_is_cut(
    certification, trial
):
    records = [trial(0, 234_369, 5.0), trial(1, 104_567, 5.2)]
    seeds = {0: [5.012, 5.234, 5.345, 5.456], 1: [5.112, 5.234, 5.345, 5.456]}
    told = shown(certification(seeds, records), width=80)
    assert "…" not in told
    assert row(told, 0)[:2] == ["0", "234,369"] and row(told, 0)[-1] == "stable"


def test_a_certificate_in_a_line(certification):
    told = certification(OUTCOMES).summary.certificates[1]
    assert certified_line(told) == (
        "stable, 4 of 4 fresh seeds healthy, at least 47% of all seeds at 95% confidence, "
        "median quality 5.25 (5.1 to 5.4)"
    )
