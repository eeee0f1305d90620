"""Verdicts on the paper's claims: rules in a fixed order, of which the first that holds decides and is named."""

from dataclasses import dataclass
from math import isfinite, isnan, sqrt

from mt2st.statistics import Interval, p_as_text

LEVEL = 0.05  # of corrected p-values, and of the test of equivalence
MARGIN = 1.0  # points: a smaller difference in accuracy counts as none
SOME = 1e-9  # stands for the paper's "a gain" without a number; −SOME for a loss
REVIEWS = 250  # in the paper's test set


@dataclass(frozen=True)
class Verdict:
    """A verdict in a few words, and the rule that gave it."""

    word: str
    rule: str


NOT_MEASURED = Verdict("not measured in this profile", "there are no runs for it")
OTHER_TASK = Verdict("another task", "levels on another task cannot be compared")


def by_construction(reason: str) -> Verdict:
    """Return the verdict on what no training could have changed."""
    return Verdict("decided by construction", reason)


def not_specific(reason: str) -> Verdict:
    """Return the verdict on what is so, but not for the arm alone that the claim is about."""
    return Verdict("not specific", reason)


def not_measurable(reason: str) -> Verdict:
    """Return the verdict on a measure that does not tell good from bad here."""
    return Verdict("not measurable", reason)


def of_effect(claimed: float, interval: Interval, p: float, equivalence: float = float("nan")) -> Verdict:
    """Judge a claimed difference or saving; no effect is 0.

    1. An effect is shown if its interval excludes 0 and its corrected p is at most 0.05. In the direction of the claim
       it is "reproduced" if the interval reaches the claimed value, a "smaller effect" if not; in the other, an
       "opposite effect".
    2. "less than 1 point" where the test of equivalence rejects a difference of the margin or more.
    3. Where the whole interval falls short of the claimed value: "excluded" if all of it is on the other side of 0,
       "not of this size" if not.
    4. "inconclusive" otherwise.

    Args:
        claimed: the paper's value, or ±`SOME` where it gives a direction alone (then rule 3 does not apply).
        interval: ours, in the same unit.
        p: two-sided, corrected for all claims that are tested together.
        equivalence: p of the test of equivalence; NaN where no margin is stated.

    Raises ValueError if the claim is not a number, or is that there is no effect.
    """
    if not isfinite(claimed) or claimed == 0:
        raise ValueError(f"a claim needs a value other than no effect (0), got {claimed}")
    if isnan(interval.low):
        return Verdict("inconclusive", "a single pair has no interval")
    sign = 1 if claimed > 0 else -1
    low, high = sorted((sign * interval.low, sign * interval.high))  # so that the claim is a gain
    if p <= LEVEL and (low > 0 or high < 0):
        shown = f"the interval excludes 0, corrected {p_as_text(p)}"
        if high < 0:
            return Verdict("opposite effect", shown)
        if high < abs(claimed):
            return Verdict("smaller effect", f"{shown}; all of the interval falls short of the claim")
        return Verdict("reproduced", shown)
    if equivalence <= LEVEL:
        rule = f"a difference of {MARGIN:g} point or more is rejected, {p_as_text(equivalence)}"
        return Verdict(f"less than {MARGIN:g} point", rule)
    if abs(claimed) > SOME and high < abs(claimed):
        if high < 0:
            return Verdict("excluded", f"all of the interval lies on the other side of 0, corrected {p_as_text(p)}")
        return Verdict("not of this size", "all of the interval falls short of the claim")
    return Verdict("inconclusive", f"neither shown (corrected {p_as_text(p)}) nor excluded")


def of_level(paper: float, ours: Interval) -> Verdict:
    """Judge an accuracy in percent on the same task: do the two differ by more than both could err?

    The paper's number comes from one split of 250 reviews, whose sampling error it does not give:
    1.96 · √(p(1 − p)/250), about 6 points. "compatible" if the difference lies within that and our interval together
    (root of the sum of squares), "another level" if not.
    """
    if isnan(ours.low):
        return Verdict("inconclusive", "a single value has no interval")
    theirs = 1.96 * 100 * sqrt(paper / 100 * (1 - paper / 100) / REVIEWS)
    together = sqrt(theirs**2 + ((ours.high - ours.low) / 2) ** 2)
    difference = ours.mean - paper
    rule = f"{difference:+.1f} points from the paper's, the errors of both are ± {together:.1f}"
    return Verdict("compatible" if abs(difference) <= together else "another level", rule)
