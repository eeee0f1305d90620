"""Which pairs of tasks gain from being learned together, and what predicts it (Bingel and Søgaard 2017)."""
