"""Ridge regression from frozen features to years, for one fold or for all, in closed form.

The model of a fold is scikit-learn's `StandardScaler` and `Ridge`, both weighted, on the training rows of this fold and nothing else.
Its strength, and the subset of features where there is one to choose, are chosen by the training people alone:

- The people of all rows are divided once into five parts (`GroupKFold`). Within a fold each part is predicted by ridge regression on
  the fold's training rows in the other four; the least weighted absolute error over the fold's own training rows wins.
- In this choice the features are standardised by those of the other four parts from which the fold takes no row at all, or, where
  these hold less than half of the rows of the fit, by the rows of the fit. So a fold's test and validation rows enter through
  nothing: neither their ages nor their features nor their weights. (Only the division counts how many photos each person has.)

The standardised features before a part are then the same for all folds that take their rows from the same parts, and leaving a few
rows out of a linear smoother is a small system of equations (`_errors`), solved for each strength in principal components: 82 folds
of leave-one-person-out need 25 eigendecompositions in place of 410. scikit-learn's RidgeCV does not fit here: given folds of people
it averages their scores without the weights, and solves anew for every strength and fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, combinations, product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from agerepro.errors import UserError
from agerepro.machine import loading_threads, memory_bytes
from agerepro.models.heads import FeatureBlock

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Combine = Literal["best", "mean"]

STRENGTHS = tuple(float(strength) for strength in np.logspace(0, 5, 21))
INNER_FOLDS = 5
FEW = 1 / 8  # share of a fit's rows that a fold may lose to share its decomposition: above it, one of its own is quicker
SAME = 1e-9  # years; errors as near as this count as equal, and the first candidate wins: rounding chooses nothing


@dataclass(frozen=True)
class Candidate:
    """One subset of sides and statistics with its least inner error (weighted, years) and the strength that gave it.

    Both are empty where all features are used and only the strength is chosen.
    """

    sides: tuple[int, ...]
    statistics: tuple[str, ...]
    strength: float
    inner_error: float


@dataclass(frozen=True)
class RidgeFit:
    """The linear layer of one fold: years = features @ kernel + bias.

    kernel: (d,) float64, for features as they are, not standardised, 0 at features that are not used; candidates: best first;
    strength: of the best one.
    """

    kernel: Floats
    bias: float
    strength: float
    candidates: tuple[Candidate, ...]


def fit_ridge_folds(
    features: np.ndarray,
    ages: np.ndarray,
    weights: np.ndarray,
    people: np.ndarray,
    training: Sequence[np.ndarray],
    *,
    blocks: Sequence[FeatureBlock] = (),
    combine: Combine = "best",
    on_fold: Callable[[int, int], object] = lambda done, total: None,
) -> list[RidgeFit]:
    """Ridge regression of every wanted fold; a fold's numbers do not depend on which others are wanted.

    features: (n, d); ages: (n,) years; weights: (n,), above 0; people: (n,) names, a name of its own for a photo whose person is not
    known; training: the row numbers on which each wanted fold trains. blocks: how the features lie side by side, where all subsets of
    sides and of statistics are candidates. combine: `best` takes the one of least inner error, `mean` the mean of what all of them say,
    each with its own strength. on_fold is called with the folds done and their number after each final fit.

    All n rows belong in the call, also those that no wanted fold trains on: they decide the parts (see the top of this module).
    Raises UserError for a fold with fewer than two people, since nobody is left to choose its strength by.

    Runs on as many threads as the machine gives, each with about 12 times the memory of the features (FG-NET's 1,002 photos
    with 6,624 features: 53 MB). Time grows with the third power of the lesser of photos and features, subset by subset: 16,000 photos
    are as quick as their features are few, 256 better than 2,000.
    """
    features, ages, weights = (np.asarray(values, np.float64) for values in (features, ages, weights))
    training = [np.unique(rows) for rows in training]
    subsets = _subsets(blocks, features.shape[1])
    errors, judged = np.zeros((len(training), len(subsets), len(STRENGTHS))), np.zeros(len(training))
    inner = _inner_fits(np.asarray(people), training)
    threads = max(1, min(loading_threads(), memory_bytes() // (12 * features.nbytes)))
    fits: list[RidgeFit] = []
    # One thread of BLAS for each of ours: quicker, and the same digits on any number of processors.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        for fit, sums in zip(inner, pool.map(lambda fit: _errors(fit, features, ages, weights, subsets), inner), strict=True):
            errors[fit.folds] += sums
            judged[fit.folds] += [weights[fit.part[rows]].sum() for rows in fit.judged]
        errors /= judged[:, None, None]
        work = zip(training, errors, strict=True)
        fit_fold = _fit if combine == "best" else _fit_mean
        for result in pool.map(lambda fold: fit_fold(features[fold[0]], ages[fold[0]], weights[fold[0]], subsets, fold[1]), work):
            fits.append(result)
            on_fold(len(fits), len(training))
    return fits


@dataclass(frozen=True)
class _Subset:
    """The features of some sides and statistics: `columns` in all, `spans` those of each pair of a side and a statistic."""

    sides: tuple[int, ...]
    statistics: tuple[str, ...]
    columns: Rows
    spans: dict[tuple[int, str], Rows]


def _subsets(blocks: Sequence[FeatureBlock], width: int) -> list[_Subset]:
    """Every subset of sides with every subset of statistics, none empty, in order of size; one of all features without blocks."""
    if not blocks:
        return [_Subset((), (), np.arange(width), {(0, ""): np.arange(width)})]
    ends = np.cumsum([block.count for block in blocks])
    spans: dict[tuple[int, str], list[Rows]] = {}
    for end, block in zip(ends, blocks, strict=True):
        spans.setdefault((block.side, block.statistic), []).append(np.arange(end - block.count, end))
    columns = {pair: np.concatenate(parts) for pair, parts in spans.items()}
    subsets = []
    for sides, statistics in product(_nonempty([block.side for block in blocks]), _nonempty([block.statistic for block in blocks])):
        chosen = {pair: span for pair, span in columns.items() if pair[0] in sides and pair[1] in statistics}
        subsets.append(_Subset(sides, statistics, np.sort(np.concatenate(list(chosen.values()))), chosen))
    return subsets


def _nonempty(names: Sequence[int] | Sequence[str]) -> Iterator[tuple]:
    """All subsets but the empty one, in order of size."""
    distinct = list(dict.fromkeys(names))
    return chain.from_iterable(combinations(distinct, size) for size in range(1, len(distinct) + 1))


@dataclass(frozen=True)
class _InnerFit:
    """What several folds have in common when they predict one part: the fit, but for the few rows that each loses."""

    rows: Rows  # of the fit
    scaled_by: Rows  # these standardise
    part: Rows  # the rows that are predicted
    folds: list[int] = field(default_factory=list)
    lost: list[Rows] = field(default_factory=list)  # for each fold, positions in `rows` of what it may not see
    judged: list[Rows] = field(default_factory=list)  # for each fold, positions in `part` of its training rows


def _inner_fits(people: np.ndarray, training: Sequence[Rows]) -> list[_InnerFit]:
    """All fits that the choice of these folds needs."""
    parts = _divide(people)
    together, fits = {}, []
    for fold, rows in enumerate(training):
        names = people[rows]
        if len(set(names)) < 2:
            raise UserError(
                "Ridge regression chooses its strength by people left out, but a fold trains on photos of "
                f"{' '.join(set(names)) or 'nobody'} alone: let every fold train on two people at least."
            )
        if len(set(parts[rows])) > 1:
            together[fold] = rows
        else:  # nobody of another part could judge
            own = np.full(len(people), -1)
            own[rows] = _divide(names)
            fits += _fits_of_division(own, {fold: rows})
    return fits + _fits_of_division(parts, together)


def _divide(people: np.ndarray) -> Rows:
    """(n,) the number of the part that each row's person is in."""
    parts = np.zeros(len(people), np.intp)
    for number, (_, rows) in enumerate(GroupKFold(min(INNER_FOLDS, len(set(people)))).split(people, groups=people)):
        parts[rows] = number
    return parts


def _fits_of_division(parts: Rows, training: Mapping[int, Rows]) -> list[_InnerFit]:
    """The fits of these folds; parts: (n,), -1 for rows that stand in none."""
    fits: dict[tuple[int, ...], _InnerFit] = {}
    seen = {fold: np.isin(np.arange(len(parts)), rows) for fold, rows in training.items()}
    for number, fold in product(range(parts.max() + 1), training):
        others, part = np.flatnonzero((parts != number) & (parts >= 0)), np.flatnonzero(parts == number)
        rows, judged, lost = others[seen[fold][others]], np.flatnonzero(seen[fold][part]), np.flatnonzero(~seen[fold][others])
        if not len(rows) or not len(judged):
            continue
        losing = np.unique(parts[others[lost]])
        whole = others[~np.isin(parts[others], losing)]
        apart = 2 * len(whole) < len(rows)
        if apart or len(lost) > FEW * len(others):
            lost = lost[:0]
            fit = fits[number, -1, fold] = _InnerFit(rows, rows if apart else whole, part)
        else:
            fit = fits.setdefault((number, *losing), _InnerFit(others, whole, part))
        fit.folds.append(fold)
        fit.lost.append(lost)
        fit.judged.append(judged)
    return list(fits.values())


def _errors(fit: _InnerFit, features: Floats, ages: Floats, weights: Floats, subsets: Sequence[_Subset]) -> Floats:
    """Sums of weighted absolute errors over the rows of the part that each fold judges, (folds, subsets, strengths).

    With S the weighted and centred features of the fit in their principal components (v their squared lengths), u its weighted and
    centred ages and r the roots of its weights, which sum to W, the weighted estimates are H u with
    H = S (v + strength)^-1 S' + r r' / W. The fit without rows k is the fit in which u_k is what the fit without them estimates,
    u_k - e with e = (I - H_kk)^-1 (u - H u)_k [Hastie, Tibshirani, Friedman 2009, section 7.10, for one row].
    """
    scaler = _scaler(features[fit.scaled_by], weights[fit.scaled_by])
    own, root = weights[fit.rows], np.sqrt(weights[fit.rows])
    total, mean_age = own.sum(), np.average(ages[fit.rows], weights=own)
    centred = root * (ages[fit.rows] - mean_age)
    inside, outside = scaler.transform(features[fit.rows]), scaler.transform(features[fit.part])
    mean = own @ inside / total
    inside, outside = root[:, None] * (inside - mean), outside - mean
    wide = {pair: span for subset in subsets if len(subset.columns) > len(inside) for pair, span in subset.spans.items()}
    products = {pair: (inside[:, span] @ inside[:, span].T, outside[:, span] @ inside[:, span].T) for pair, span in wide.items()}
    errors = np.empty((len(fit.folds), len(subsets), len(STRENGTHS)))
    for number, subset in enumerate(subsets):
        scores, part_scores, squares = _components(inside, outside, subset, products)
        gains = 1 / (squares + np.array(STRENGTHS)[:, None])  # (strengths, components)
        shrunk = scores.T @ centred
        for at, (lost, judged) in enumerate(zip(fit.lost, fit.judged, strict=True)):
            left, left_root = scores[lost], root[lost]
            damped = gains[:, None, :] * left  # (strengths, lost, components)
            unexplained = np.eye(len(lost)) - damped @ left.T - np.outer(left_root, left_root) / total
            changes = np.linalg.solve(unexplained, (centred[lost] - damped @ shrunk)[:, :, None])[:, :, 0]
            years = (gains * (shrunk - changes @ left)) @ part_scores[judged].T + (mean_age - changes @ left_root / total)[:, None]
            errors[at, number] = np.abs(years - ages[fit.part[judged]]) @ weights[fit.part[judged]]
    return errors


def _components(
    inside: Floats, outside: Floats, subset: _Subset, products: Mapping[tuple[int, str], tuple[Floats, Floats]]
) -> tuple[Floats, Floats, Floats]:
    """Principal components of a subset: scores of the fit (rows, c), of the part (others, c), squared lengths of the former (c,).

    From the products of features where these are fewer than rows; else from the products of rows among themselves and of the part
    with them, by pair of a side and a statistic: those of a subset are a sum, so that all subsets cost little more than one.
    """
    if len(subset.columns) <= len(inside):
        inside, outside = inside[:, subset.columns], outside[:, subset.columns]
        squares, axes = np.linalg.eigh(inside.T @ inside)
        return inside @ axes, outside @ axes, np.maximum(squares, 0)
    squares, axes = np.linalg.eigh(sum(products[pair][0] for pair in subset.spans))
    kept = squares > len(squares) * np.finfo(float).eps * squares[-1]
    lengths = np.sqrt(squares[kept])
    return axes[:, kept] * lengths, sum(products[pair][1] for pair in subset.spans) @ (axes[:, kept] / lengths), squares[kept]


def _fit(features: Floats, ages: Floats, weights: Floats, subsets: Sequence[_Subset], errors: Floats) -> RidgeFit:
    """What the training rows of a fold give with the subset and the strength of least error; errors: (subsets, strengths), years."""
    order, candidates = _ranked(subsets, errors)
    columns, strength = subsets[order[0]].columns, candidates[0].strength
    kernel = np.zeros(features.shape[1])
    kernel[columns], bias = _solve(features[:, columns], ages, weights, strength)
    return RidgeFit(kernel, bias, strength, candidates)


def _fit_mean(features: Floats, ages: Floats, weights: Floats, subsets: Sequence[_Subset], errors: Floats) -> RidgeFit:
    """The mean of what the training rows of a fold give with every subset; a mean of linear layers is one linear layer.

    Solved by the products of rows among themselves: those of a subset are the sum of those of its pairs of a side and a statistic.
    """
    order, candidates = _ranked(subsets, errors)
    scaler = _scaler(features, weights)
    root, mean_age = np.sqrt(weights), np.average(ages, weights=weights)
    inside, centred = root[:, None] * scaler.transform(features), root * (ages - mean_age)
    spans = {pair: span for subset in subsets for pair, span in subset.spans.items()}
    products = {pair: inside[:, span] @ inside[:, span].T for pair, span in spans.items()}
    duals = {pair: np.zeros(len(inside)) for pair in spans}
    for i, candidate in zip(order, candidates, strict=True):
        system = sum(products[pair] for pair in subsets[i].spans)
        system[np.diag_indices_from(system)] += candidate.strength
        dual = cho_solve(cho_factor(system, lower=True, overwrite_a=True, check_finite=False), centred)
        for pair in subsets[i].spans:
            duals[pair] += dual / len(subsets)
    kernel = np.zeros(features.shape[1])
    for pair, span in spans.items():
        kernel[span] = inside[:, span].T @ duals[pair]
    kernel /= scaler.scale_
    return RidgeFit(kernel, float(mean_age - scaler.mean_ @ kernel), candidates[0].strength, candidates)


def _ranked(subsets: Sequence[_Subset], errors: Floats) -> tuple[Rows, tuple[Candidate, ...]]:
    """Numbers of the subsets, that of the least error first, and each with the strength that gave it; the first of equals wins."""
    least = errors.min(axis=1)
    strengths = [STRENGTHS[int(np.argmax(row <= row.min() + SAME))] for row in errors]
    order = np.argsort(np.round(least / SAME), kind="stable")
    return order, tuple(Candidate(subsets[i].sides, subsets[i].statistics, strengths[i], float(least[i])) for i in order)


def _solve(features: Floats, ages: Floats, weights: Floats, strength: float) -> tuple[Floats, float]:
    """Kernel (d,) and bias; whichever of the two systems of equations is smaller is solved."""
    scaler = _scaler(features, weights)
    root, mean_age = np.sqrt(weights), np.average(ages, weights=weights)
    # Weighted columns have weighted mean 0, so the bias is not penalised.
    inside, centred = root[:, None] * scaler.transform(features), root * (ages - mean_age)
    rows, width = inside.shape
    products = inside.T @ inside if width <= rows else inside @ inside.T
    products[np.diag_indices_from(products)] += strength
    factor = cho_factor(products, lower=True, overwrite_a=True, check_finite=False)
    standardised = cho_solve(factor, inside.T @ centred) if width <= rows else inside.T @ cho_solve(factor, centred)
    kernel = standardised / scaler.scale_
    return kernel, float(mean_age - scaler.mean_ @ kernel)


def _scaler(features: Floats, weights: Floats) -> StandardScaler:
    """Weighted mean and standard deviation of each feature, 1 for a constant one."""
    with np.errstate(invalid="ignore"):  # the weighted variance of a constant feature may come out just below 0
        return StandardScaler().fit(features, sample_weight=weights)
