"""What a long walk keeps: the first findings, and a count of all."""

from billing.commands.reconcile import as_text
from billing.models import DriftKind
from billing.stripe_sync.healing.drift import Finding
from billing.stripe_sync.healing.reconcile import Report
from billing.stripe_sync.healing.samples import MOST, Sample
from billing.stripe_sync.subjects import Subject


def finding(number: int) -> Finding:
    return Finding(DriftKind.STATUS, f"sub_{number}", "differs", Subject.customer("cus_1"))


def test_a_sample_keeps_the_first_and_counts_all() -> None:
    sample: Sample[int] = Sample()

    sample.extend(range(MOST + 5))
    sample.append(1)

    assert list(sample) == list(range(MOST))
    assert (sample.total, sample.unshown) == (MOST + 6, 6)


def test_a_report_of_many_pages_counts_every_finding_and_grows_no_more() -> None:
    report = Report(fixes=True, resumed=False)
    pages = MOST // 50

    for page in range(pages):
        findings = [finding(100 * page + number) for number in range(100)]
        report.add(100, findings, findings[:25])

    assert report.by_kind == {"status": 100 * pages}
    assert (report.found.total, report.fixed.total, report.left.total) == (2000, 500, 1500)
    assert (len(report.found), len(report.left)) == (MOST, MOST)
    assert "... and 500 more, in the table drift" in as_text(report)
    assert "500 mended, 1500 left" in as_text(report)
