"""Reference of SiamAttn (Yu et al., 2020), one target, level, place and channel at a time.

The attention of a level is ``attention.0``, its Siamese RPN block ``proposals.0``.
"""

import math

import numpy as np

from helpers.reference_siammotion import shape_penalty
from helpers.references.layers import (
    CELL,
    batch_norm,
    bilinear,
    conv_gn_relu,
    convolve,
    correlate,
    cosine_window,
    linear,
    pad,
    place,
    relu,
    sigmoid,
    softmax,
)


def spatial_map(w, name, x):
    """Eq. 1: the map A_S of N x N places, softmax over each column of the product."""
    queries, keys = (
        convolve(w, f"{name}.{part}", x).reshape(-1, x[0].size) for part in ("query", "key")
    )
    columns = [softmax(queries.T @ key) for key in keys.T]
    return np.stack(columns, axis=1)


def channel_map(x):
    """Eq. 3 of one branch: softmax over each row of the products of channels, a mean over N."""
    flat = x.reshape(len(x), -1)
    return np.array([softmax(np.array([a @ b for b in flat]) / flat.shape[1]) for a in flat])


def spatial_features(w, name, x):
    """Eq. 2: X_S = a V A_S + X."""
    values = convolve(w, f"{name}.value", x).reshape(len(x), -1)
    return w[f"{name}.spatial"] * (values @ spatial_map(w, name, x)).reshape(x.shape) + x


def channel_features(factor, weights, x):
    """Eq. 4, and what is like it in self-attention: c A X + X."""
    out = np.empty_like(x)
    for i, row in enumerate(weights):
        out[i] = factor * sum(share * channel for share, channel in zip(row, x, strict=True)) + x[i]
    return out


def self_attention(w, name, x):
    """X^S: the sum of the spatial and the channel-wise attentional features."""
    channels = channel_features(w[f"{name}.channel"], channel_map(x), x)
    return spatial_features(w, name, x) + channels


def attentional_features(w, name, x, z):
    """3.2: those of X, with what it takes from Z: X^S + X^C, through a deformable convolution."""
    crossed = channel_features(w[f"{name}.cross"], channel_map(z), x)
    return deformable_convolution(w, f"{name}.deform", self_attention(w, name, x) + crossed)


def deformable_convolution(w, name, x):
    """Dai et al. (2017): nine taps, each shifted down and to the right by offsets of its own."""
    offsets = convolve(w, f"{name}.offsets", x, padding=1)
    out = np.zeros((len(w[f"{name}.weight"]), *x.shape[1:]))
    for row, column in np.ndindex(x.shape[1:]):
        out[:, row, column] = w[f"{name}.bias"]
        for tap, (i, j) in enumerate(np.ndindex(3, 3)):
            down, right = offsets[2 * tap : 2 * tap + 2, row, column]
            sample = bilinear(x, row + i - 1 + down, column + j - 1 + right)
            out[:, row, column] += w[f"{name}.weight"][:, :, i, j] @ sample
    return out


def rpn_block(w, name, template, search):
    """A Siamese RPN block: (2, K, h, w) logits and (K, 4, h, w) regression."""
    branches = []
    for part, x in (("search", search), ("exemplar", template)):
        x = convolve(w, f"{name}.{part}.0", x)
        branches.append(relu(batch_norm(w, f"{name}.{part}.1", x)))
    compared = correlate(*branches)
    half, shape = len(compared) // 2, compared.shape[1:]
    classes, deltas = [], []
    for row, column in np.ndindex(shape):
        cell = compared[:, row, column]
        classes.append(linear(w, f"{name}.classify", cell[:half]))
        deltas.append(linear(w, f"{name}.regress", cell[half:]))
    classes, deltas = (np.array(part).T.reshape(-1, *shape) for part in (classes, deltas))
    return classes.reshape(2, -1, *shape), deltas.reshape(-1, 4, *shape)


def proposals(w, templates, searches):
    """The blocks of all levels, in a sum whose weights are learnt."""
    pairs = enumerate(zip(templates, searches, strict=True))
    blocks = [rpn_block(w, f"proposals.{level}", *pair) for level, pair in pairs]
    shares = [softmax(row) for row in w["weights"]]
    return [
        sum(share * block[part] for share, block in zip(shares[part], blocks, strict=True))
        for part in (0, 1)
    ]


def decode(deltas, region):
    """A box (cx, cy, w, h) from the regression t of a region."""
    x, y, width, height = region
    dx, dy, dw, dh = deltas
    return [x + dx * width, y + dy * height, width * math.exp(dw), height * math.exp(dh)]


def anchor(ratio, row, column, shape, config):
    """4.2: an anchor, whose height is ``ratio`` times its width."""
    side = CELL * config.anchor_scale
    width, height = side / math.sqrt(ratio), side * math.sqrt(ratio)
    return [place(column, shape[1]), place(row, shape[0]), width, height]


def select(classes, deltas, last, config):
    """The best region, its log odds, and the rate at which its size is taken (SiamRPN)."""
    shape, best = classes.shape[2:], (-1.0, None, None, None)
    window = cosine_window(shape[0])
    for k, row, column in np.ndindex(classes.shape[1:]):
        region = decode(
            deltas[k, :, row, column], anchor(config.ratios[k], row, column, shape, config)
        )
        odds = classes[1, k, row, column] - classes[0, k, row, column]
        penalised = sigmoid(odds) * shape_penalty(region, last)
        score = (1 - config.window) * penalised + config.window * window[row, column]
        if score > best[0]:
            best = score, region, odds, config.size_damping * penalised
    return best[1:]


def fuse(w, templates, searches):
    """3.3: padded correlations of the levels, a 1 x 1 convolution of each, their sum, ReLU."""
    total = 0.0
    for i, (template, search) in enumerate(zip(templates, searches, strict=True)):
        correlation = correlate(pad(search, template.shape[1] // 2), template) / template[0].size
        total = total + convolve(w, f"refinement.fuse.{i}", correlation)
    return relu(total)


def sample(x, region, bins, *, stride, first, shifts=None):
    """A map at the centres of the bins of a region; its first cell is at ``first``, in pixels."""
    out = np.empty((len(x), bins, bins))
    for i, j in np.ndindex(bins, bins):
        right, down = (0.0, 0.0) if shifts is None else shifts[i, j]
        at_x = region[0] + region[2] * ((j + 0.5) / bins - 0.5 + right)
        at_y = region[1] + region[3] * ((i + 0.5) / bins - 0.5 + down)
        out[:, i, j] = bilinear(x, (at_y - first) / stride, (at_x - first) / stride)
    return out


def deformable_pool(w, fused, region):
    """Deformable RoI pooling of 4 x 4 bins, which an offset of 1 shifts by 0.1 sides."""
    place_of = {"stride": CELL, "first": place(0, fused.shape[1])}
    regular = sample(fused, region, 4, **place_of)
    shifts = 0.1 * linear(w, "refinement.pool.shifts", regular.ravel()).reshape(4, 4, 2)
    return sample(fused, region, 4, **place_of, shifts=shifts)


def refine_box(w, fused, region):
    """t of 3.3, of two fully connected layers and a last one."""
    x = deformable_pool(w, fused, region).ravel()
    for layer in (0, 2):
        x = relu(linear(w, f"refinement.box.{layer}", x))
    return linear(w, "refinement.box.4", x)


def unfold_early(crop):
    """Features of stride 4, four cells of which are in a bin of (4 D, S, S): (D, 2 S, 2 S)."""
    out = np.empty((len(crop) // 4, 2 * crop.shape[1], 2 * crop.shape[2]))
    for d, down, right in np.ndindex(len(out), 2, 2):
        out[d, down::2, right::2] = crop[4 * d + 2 * down + right]
    return out


def predict_mask(w, fused, early, region):
    """3.3: the log odds of 64 x 64 cells; four convolutions and a deconvolution."""
    first = place(0, fused.shape[1])
    fine = convolve(w, "refinement.early", early, padding=1)
    fine = sample(fine, region, 16, stride=CELL / 2, first=first)
    coarse = sample(fused, region, 16, stride=CELL, first=first)
    x = relu(convolve(w, "refinement.fused", coarse) + fine)
    for layer in (0, 3, 6, 9):
        x = conv_gn_relu(w, "refinement.layers", x, first=layer)
    kernel = w["refinement.enlarge.weight"]
    out = np.empty((kernel.shape[1], 64, 64))
    for i, j in np.ndindex(16, 16):
        block = np.einsum("c,cdyx->dyx", x[:, i, j], kernel)
        out[:, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4] = block
    out += w["refinement.enlarge.bias"][:, None, None]
    return convolve(w, "refinement.mask", relu(out))[0]
