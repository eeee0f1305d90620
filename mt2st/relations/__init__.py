"""Which pairs of tasks gain from being learned together, and what predicts it (Bingel and Søgaard 2017)."""

from mt2st.relations.probes import predict_gain
from mt2st.relations.published import published_gains

__all__ = ["predict_gain", "published_gains"]
