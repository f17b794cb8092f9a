"""A straight model of what the sum check leaves over: a share of each channel, a constant, and the
time of day, fitted by least squares without the few rows that do not belong."""

from dataclasses import dataclass

import numpy as np

from umeter_station.watch.window import Column

_DAY_S = 86_400
_ROUNDING_WH = 0.6  # of the sum of whole watt-hours, at the least
_TRIMS = 1
_TRIM_SIGMA = 4
_ANGLE = np.arange(1440) * (2 * np.pi / 1440)
# By the minute: a constant, and waves of a day and of half a day.
_DAY_SHAPES = np.column_stack(
    [np.ones(1440), np.sin(_ANGLE), np.cos(_ANGLE), np.sin(2 * _ANGLE), np.cos(2 * _ANGLE)]
)


@dataclass(frozen=True)
class Fit:
    """`shares` and `errors` by channel (1 is all of it); `sigma` of one row, in Wh."""

    shares: np.ndarray
    errors: np.ndarray
    sigma: float
    coefficients: np.ndarray
    covariance: np.ndarray  # for sigma 1
    columns: np.ndarray  # of the rows that were used, as what was left over of them
    left: np.ndarray

    @property
    def rows(self) -> int:
        return len(self.left)

    def witnesses(self, channel: int) -> float:
        """How many rows the channel's share rests upon, as if each said the same. Few mean that
        something else happened in just those."""
        weights = self.columns @ self.covariance[:, channel]
        said = weights * (self.left + self.shares[channel] * self.columns[:, channel])
        square = float((said**2).sum())
        return float(said.sum()) ** 2 / square if square else 0.0

    def predict(self, others: Column, t_end: Column) -> tuple[np.ndarray, np.ndarray]:
        """(what to expect of each row, how uncertain the model makes that)."""
        columns = _columns(others, t_end)
        spread = np.einsum("ij,jk,ik->i", columns, self.covariance, columns)
        return columns @ self.coefficients, self.sigma * np.sqrt(np.maximum(spread, 0))


def _columns(others: Column, t_end: Column) -> np.ndarray:
    # A load of its own behind the inlet follows the day, as the channels do: without these it
    # would be blamed on them.
    columns = np.empty((len(t_end), others.shape[1] + _DAY_SHAPES.shape[1]))
    columns[:, : others.shape[1]] = others
    columns[:, others.shape[1] :] = _DAY_SHAPES[t_end % _DAY_S // 60]
    return columns


def _memory(left: np.ndarray) -> float:
    """What is left over of one row and the next is alike if something else is at work, a load of
    its own or one that began half-way: so many rows tell less than they would by chance."""
    square = float((left**2).sum())
    alike = float((left[1:] * left[:-1]).sum()) / square if square else 0.0
    alike = min(max(alike, 0.0), 0.99)
    return float(np.sqrt((1 + alike) / (1 - alike)))


def fit(others: Column, lost: np.ndarray, t_end: Column) -> Fit | None:
    """None if there are too few rows to tell."""
    columns = _columns(others, t_end)
    used = np.ones(len(lost), bool)
    for last in range(_TRIMS + 1):
        x, y = columns[used], lost[used]
        spare = len(y) - x.shape[1]
        if spare < x.shape[1]:
            return None
        # A channel without use has no share: the smallest ridge keeps the rest solvable.
        inverse = np.linalg.inv(x.T @ x + np.eye(x.shape[1]) * 1e-6)
        coefficients = inverse @ (x.T @ y)
        left = lost - columns @ coefficients
        sigma = max(float(np.sqrt((left[used] ** 2).sum() / spare)), _ROUNDING_WH)
        if last < _TRIMS:
            used = np.abs(left) <= _TRIM_SIGMA * sigma
    count = others.shape[1]
    errors = sigma * np.sqrt(np.maximum(np.diag(inverse)[:count], 0)) * _memory(left[used])
    return Fit(coefficients[:count], errors, sigma, coefficients, inverse, x, left[used])
