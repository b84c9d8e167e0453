"""Reference of SiamMOT's motion models (Shuai et al., 2021), one target at a time."""

import math

import numpy as np

from helpers.references.layers import (
    CELL,
    conv_gn_relu,
    convolve,
    correlate,
    cosine_window,
    linear,
    place,
    relu,
    sigmoid,
)


def response(search, template):
    """3.3: r = f_S * f_R, channel by channel; of products under the template, the mean."""
    return correlate(search, template) / template[0].size


def layers(w, name, r):
    """4.2: two 3 x 3 convolutions with group normalization, and the one that predicts."""
    x = conv_gn_relu(w, name, r)
    x = conv_gn_relu(w, name, x, first=3)
    return convolve(w, f"{name}.6", x, padding=1)


def visibility_map(w, r):
    """v: the log odds of each place."""
    return layers(w, "visibility", r)[0]


def location_map(w, r, bins):
    """p: l, t, r, b of each place; exponentials (FCOS), in halves of a template of such bins."""
    logs = layers(w, "location", r)
    return CELL * bins / 2 * np.exp(np.where(logs > 4, 4, logs))


def region(p, row, column):
    """R(p(x, y)) = [x - l, y - t, x + r, y + b], as corners."""
    x, y = place(column, p.shape[2]), place(row, p.shape[1])
    left, top, right, bottom = p[:, row, column]
    return [x - left, y - top, x + right, y + bottom]


def penalty(box, row, column, last, window, share, deviation):
    """Eq. 5: η = λ C + (1 - λ) S of one place; S is a Gaussian of the change of scale."""
    width, height = box[2] - box[0], box[3] - box[1]
    scale = 1.0
    for side, before in zip((width, height), last, strict=True):
        scale *= math.exp(-0.5 * (math.log(side / before) / deviation) ** 2)
    return share * window[row, column] + (1 - share) * scale


def select(v, p, last, config):
    """Eq. 4: the corners of the region of the place where v ⊙ η is largest, and its log odds."""
    window, best = cosine_window(len(v)), (-1.0, None, None)
    for row, column in np.ndindex(v.shape):
        box = region(p, row, column)
        eta = penalty(box, row, column, last, window, config.window, config.scale_deviation)
        product = sigmoid(v[row, column]) * eta
        if product > best[0]:
            best = product, box, v[row, column]
    return best[1:]


def implicit_motion(w, before, now):
    """3.2: v and m of an MLP of both search areas (S, S, C), one after the other."""
    inputs = np.array([*before.ravel(), *now.ravel()])
    outputs = linear(w, "predict", relu(linear(w, "hidden.0", inputs)))
    return outputs[0], outputs[1:]


def motion(before, now):
    """Eq. 2: m, of boxes (cx, cy, w, h)."""
    shift = [(now[i] - before[i]) / before[i + 2] for i in (0, 1)]
    return [*shift, *(math.log(now[i] / before[i]) for i in (2, 3))]
