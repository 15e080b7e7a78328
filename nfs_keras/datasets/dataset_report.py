"""What the examination of a dataset found."""

from typing import NamedTuple

from nfs_keras.datasets.finding import Finding


class DatasetReport(NamedTuple):
    """What the examination of a dataset found.

    Attributes:
        name: The dataset's protocol, or `"unknown"`.
        summary: How many people and pictures there are, as a small table.
        findings: All flaws. An error keeps training from starting, a warning
            does not.
    """

    name: str
    summary: str
    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """Whether training may start."""
        return not any(finding.is_error for finding in self.findings)

    def __str__(self) -> str:
        lines = [self.summary, ""]
        for is_error, flaw, places in sorted(self.findings, reverse=True):
            word = "error" if is_error else "warning"
            lines.append(f"{word:8}{len(places):7,}  {flaw}")
            lines += [f"{'':17}{place}" for place in places[:3]]
            if len(places) > 3:
                lines.append(f"{'':17}... and {len(places) - 3:,} more")
        verdict = (
            "Training may start." if self.ok else "Training may not start."
        )
        return "\n".join([*lines, verdict])
