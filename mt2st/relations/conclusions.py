"""What a study of pairs found, in words."""

from collections.abc import Sequence

import pandas as pd

from mt2st.experiments.runs import Record
from mt2st.relations import gains, results, study
from mt2st.relations.gains import CONFIDENCE, FLOOR, GAIN, LOSS, LOW, UNCLEAR


def conclusions(records: Sequence[Record]) -> str:
    """Say how many pairs gain and for how many that can be told, how far seeds agree, and which tasks help and profit.

    Pairs are those that count: there is a gain, and the main task scores at least `gains.FLOOR` alone. Where some of
    them are among the published ones, say how far these came again.
    """
    score = study.score_name(records)
    found = results.pairs(records).dropna(subset="gain")
    found = found[found["sign"] != LOW]
    lines = [_signs(found, len(study.seeds(records)))] if len(found) else []
    if low := gains.too_low(records):
        lines.append(f"not counted as main tasks, for an {score} below {FLOOR:g} alone: {', '.join(low)}")
    if found.empty:
        return "\n".join(lines)
    same, rho = gains.agreement(records)
    if pd.notna(same):
        lines.append(f"two seeds give the same sign to {same:.0%} of the pairs; rho = {rho:.2f} between their gains")
    gain, in_test = found["gain"] > 0, found["test"] > 0
    before, averaged = results.by_budget(records).iloc[-2], (found["averaged"] > 0).sum()
    lines += [
        f"in test {in_test.sum()} gained; the sign is the same in both for {(gain == in_test).sum()}",
        f"{score} moves from reading to reading: at nine tenths of the batches {before['same sign']:.0%} of the pairs "
        f"have the sign of the end (rho = {before['rho']:.2f}); with {score} averaged over the second half {averaged} "
        "gained",
    ]
    if (told := found[found["sign"] == GAIN]).size:
        listed = ", ".join(f"{main} from {aux}" for main, aux in zip(told["main"], told["aux"], strict=True))
        lines.append(f"the gains that can be told: {listed}")
    both = found.dropna(subset="published")
    if len(both):
        alike = ((both["gain"] > 0) == (both["published"] > 0)).sum()
        rho = both["gain"].corr(both["published"], method="spearman")
        lines.append(f"{alike} of {len(both)} gains published for such tasks had the same sign here; rho = {rho:.2f}")
    return "\n".join(lines)


def _signs(found: pd.DataFrame, seeds: int) -> str:
    """Count gains, and signs that can be told."""
    gain = f"{(found['gain'] > 0).sum()} of {len(found)} ordered pairs gained"
    if seeds == 1:
        above, below = (found["sentences low"] > 0).sum(), (found["sentences high"] < 0).sum()
        return (
            f"{gain} with one seed, from which no pair's sign can be told: another seed may turn it; the interval over "
            f"validation sentences is above 0 for {above} and below 0 for {below}"
        )
    count = found["sign"].value_counts().reindex([GAIN, LOSS, UNCLEAR], fill_value=0)
    return (
        f"{gain} on average over {seeds} seeds; the {CONFIDENCE:.0%} t interval over seeds is above 0 for "
        f"{count[GAIN]} and below 0 for {count[LOSS]}, where {(1 - CONFIDENCE) * len(found):.0f} in all would be so by "
        f"chance; for {count[UNCLEAR]} the sign is unclear"
    )
