"""γ_k(t): how much each auxiliary task counts in epoch t.

Epochs are counted t = 0, 1, …, so that γ_k(0) = γ_k0 in (2) and `Switch(15)` trains exactly 15 epochs with its
auxiliary tasks, as the paper's released code does. (The paper's Algorithm 2 counts from 1 and would stop one earlier.)
`fit` takes anything with `weights(t)`, see `WeightSchedule`. A `Schedule` is one that can be part of a recorded run: a
value, which has no state, compares by its parameters and travels as a dict.
"""

from mt2st.schedules.base import Feedback, Restart, Schedule, WeightSchedule, from_dict
from mt2st.schedules.feedback import FeedbackDiminish, FeedbackSwitch, Slopes
from mt2st.schedules.fixed import (
    SINGLE_TASK,
    Constant,
    Diminish,
    DiminishUntil,
    Floor,
    Linear,
    RandomWeights,
    Squared,
    Switch,
)
from mt2st.schedules.phases import AuxiliaryFirst, Branches, PostTraining, Transition

__all__ = [
    "SINGLE_TASK", "AuxiliaryFirst", "Branches", "Constant", "Diminish", "DiminishUntil", "Feedback",
    "FeedbackDiminish", "FeedbackSwitch", "Floor", "Linear", "PostTraining", "RandomWeights", "Restart", "Schedule",
    "Slopes", "Squared", "Switch", "Transition", "WeightSchedule", "from_dict",
]  # fmt: skip
