"""Reference of IMSiam (Tan et al., 2022), one target and one level at a time.

A level is named by its number: its neck is ``necks.0``, its head ``heads.0``.
"""

from types import SimpleNamespace

import numpy as np

from helpers.references.layers import (
    CELL,
    conv_bn_relu,
    conv_gn_relu,
    convolve,
    correlate,
    cosine_window,
    mean_over_box,
    pad,
    place,
    sigmoid,
    softmax,
)


def middle(crop, bins):
    """The middle of a map, so many bins along its sides."""
    begin = (crop.shape[1] - bins) // 2
    return crop[:, begin : begin + bins, begin : begin + bins]


def embed_target(w, level, exemplar, size):
    """Eq. 1: v, the mean of f_z over a box of this size in the middle, in canonical pixels."""
    features = conv_bn_relu(w, f"necks.{level}.shared", exemplar)
    centre = (exemplar.shape[1] - 1) / 2
    half = [side / CELL / 2 for side in size]
    low, high = ([centre + sign * part for part in half] for sign in (-1, 1))
    return mean_over_box(features, [*low, *high])


def embed_template(w, level, exemplar, kept):
    """3.2.3: the d x d centre of the exemplar, and then a convolution."""
    return conv_bn_relu(w, f"necks.{level}.template", middle(exemplar, kept))


def fuse(w, level, v, template, search):
    """F of Eq. 3, the maps f_1, f_2 and f_3, one after the other in the channels."""
    identity = conv_bn_relu(w, f"necks.{level}.shared", search)
    difference = np.empty_like(identity)
    for c, y, x in np.ndindex(identity.shape):
        difference[c, y, x] = abs(identity[c, y, x] - v[c])  # Eq. 2
    areas = conv_bn_relu(w, f"necks.{level}.search", search)
    correlation = correlate(pad(areas, template.shape[1] // 2), template) / template[0].size
    return np.concatenate([difference, identity, correlation])


def matching_features(w, level, fused):
    """Eq. 4: U_cls and U_reg, of two 1 x 1 Conv-GN-ReLU."""
    parts = "classify", "regress"
    return [conv_gn_relu(w, f"necks.{level}.{part}", fused, padding=0) for part in parts]


def head(w, level, u_cls, u_reg, config):
    """3.3: C, P, R and I; R in quarters of the exemplar area."""
    for i in range(config.depth):
        u_cls = conv_gn_relu(w, f"heads.{level}.classify.{i}", u_cls)
        u_reg = conv_gn_relu(w, f"heads.{level}.regress.{i}", u_reg)
    logs = convolve(w, f"heads.{level}.distances", u_reg, padding=1)
    return SimpleNamespace(
        classes=convolve(w, f"heads.{level}.classes", u_cls, padding=1),
        centerness=convolve(w, f"heads.{level}.centerness", u_cls, padding=1)[0],
        distances=CELL * config.exemplar_bins / 4 * np.exp(np.where(logs > 4, 4, logs)),
        iou=convolve(w, f"heads.{level}.iou", u_reg, padding=1)[0],
    )


def refined_score(answer, row, column):
    """Eq. 16: C[0] P I at one place."""
    target = softmax(answer.classes[:, row, column])[0]
    quality = answer.centerness[row, column], answer.iou[row, column]
    return target * sigmoid(quality[0]) * sigmoid(quality[1])


def select(answers, last, config):
    """3.5: the box (cx, cy, w, h) and the score of the place that is best."""
    bins = config.search_bins
    window, best = cosine_window(bins), (-1.0, None)
    for row, column in np.ndindex(bins, bins):
        score = sum(refined_score(answer, row, column) for answer in answers) / len(answers)
        merged = (1 - config.window) * score + config.window * window[row, column]  # Eq. 17
        if merged > best[0]:
            best = merged, score, row, column
    _, score, row, column = best
    regressed = sum(answer.distances[:, row, column] for answer in answers) / len(answers)  # Eq. 18
    x, y = place(column, bins), place(row, bins)
    left, top, right, bottom = (
        x - regressed[0],
        y - regressed[1],
        x + regressed[2],
        y + regressed[3],
    )
    width, height = (  # Eq. 19
        (1 - config.smoothing) * before + config.smoothing * side
        for before, side in zip(last, (right - left, bottom - top), strict=True)
    )
    return [(left + right) / 2, (top + bottom) / 2, width, height], score
