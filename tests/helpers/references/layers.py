"""What the references share: layers in double precision, written from their definitions.

A map is an array (C, H, W); ``w`` are a network's weights by name.
"""

import math
from itertools import pairwise

import numpy as np
import torch
from torch.nn.functional import conv2d

CELL = 8.0
"""Canonical pixels in a bin of a search area."""


def weights(network):
    """The weights of a network by name, in double precision."""
    return {name: value.double().numpy() for name, value in network.state_dict().items()}


def linear(w, name, x):
    """A fully connected layer of a vector."""
    return w[f"{name}.weight"] @ x + w[f"{name}.bias"]


def convolve(w, name, x, padding=0):
    """A convolution of a map."""
    kernel, bias = torch.from_numpy(w[f"{name}.weight"]), w.get(f"{name}.bias")
    bias = None if bias is None else torch.from_numpy(bias)
    maps = torch.from_numpy(np.ascontiguousarray(x))[None]
    return conv2d(maps, kernel, bias, padding=padding)[0].numpy()


def batch_norm(w, name, x):
    """Batch norm at inference."""
    mean, var, gain, bias = (
        w[f"{name}.{part}"][:, None, None]
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(var + 1e-5) * gain + bias


def group_norm(w, name, x):
    """Group norm, with groups of 8 channels."""
    out, size = np.empty_like(x), 8
    for first in range(0, len(x), size):
        part = x[first : first + size]
        out[first : first + size] = (part - part.mean()) / np.sqrt(part.var() + 1e-5)
    return out * w[f"{name}.weight"][:, None, None] + w[f"{name}.bias"][:, None, None]


def relu(x):
    """The positive part."""
    return np.where(x > 0, x, 0.0)


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def softmax(x):
    """Of a vector."""
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def conv_gn_relu(w, name, x, first=0, padding=1):
    """Convolution, group norm and ReLU: the layers of a sequence from its ``first`` on."""
    convolved = convolve(w, f"{name}.{first}", x, padding)
    return relu(group_norm(w, f"{name}.{first + 1}", convolved))


def conv_bn_relu(w, name, x, padding=1):
    """Convolution, batch norm and ReLU."""
    return relu(batch_norm(w, f"{name}.1", convolve(w, f"{name}.0", x, padding)))


def correlate(search, kernel):
    """Each channel of a map under the same channel of a smaller one, place by place."""
    _, rows, columns = kernel.shape
    out = np.empty((len(search), search.shape[1] - rows + 1, search.shape[2] - columns + 1))
    for c, y, x in np.ndindex(out.shape):
        out[c, y, x] = np.vdot(search[c, y : y + rows, x : x + columns], kernel[c])
    return out


def pad(x, border):
    """A map with a border of zeros."""
    out = np.zeros((len(x), x.shape[1] + 2 * border, x.shape[2] + 2 * border))
    out[:, border : border + x.shape[1], border : border + x.shape[2]] = x
    return out


def bilinear(cells, y, x):
    """A map between its cells: row ``y``, column ``x``; cells outside of it are 0."""
    value = np.zeros(len(cells))
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < cells.shape[1] and 0 <= column < cells.shape[2]:
                value += (1 - abs(y - row)) * (1 - abs(x - column)) * cells[:, row, column]
    return value


def mean_over_box(cells, box):
    """The mean of a bilinearly interpolated map over a box (x0, y0, x1, y1) in cells.

    Between four cells the map is linear along each axis, so that its mean over a part of their
    square is its value in the middle of the part.
    """
    x0, y0, x1, y1 = box
    total = np.zeros(len(cells))
    for top, bottom in _pieces(y0, y1):
        for left, right in _pieces(x0, x1):
            middle = bilinear(cells, (top + bottom) / 2, (left + right) / 2)
            total += (bottom - top) * (right - left) * middle
    return total / ((y1 - y0) * (x1 - x0))


def _pieces(low, high):
    """An interval, cut at the whole numbers."""
    cuts = [low, *range(math.floor(low) + 1, math.ceil(high)), high]
    return list(pairwise(cuts))


def cosine_window(count):
    """w of IMSiam's Eq. 17, C of SiamMOT's Eq. 5: a Hann window without its zeros."""
    line = [0.5 - 0.5 * math.cos(2 * math.pi * (i + 1) / (count + 1)) for i in range(count)]
    return np.array([[a * b for b in line] for a in line])


def place(cell, cells):
    """Where one of so many cells lies, in canonical pixels from the middle of all of them."""
    return CELL * (cell - (cells - 1) / 2)
