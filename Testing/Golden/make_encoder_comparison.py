# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/EncoderComparison: linear CKA and distance correlation by their formulas in NumPy,
k-NN overlap and hits by scikit-learn's neighbors.

Needs: pip install scikit-learn
Run from the repository's root.
"""
import itertools
import json
import pathlib

import numpy
from sklearn.neighbors import NearestNeighbors


def cka(x, y):
    """Kornblith et al. (2019), section 3: ||Y'X||^2 / (||X'X|| ||Y'Y||), columns centered."""
    x, y = x - x.mean(0), y - y.mean(0)
    return numpy.linalg.norm(y.T @ x) ** 2 / (numpy.linalg.norm(x.T @ x) * numpy.linalg.norm(y.T @ y))


def centered_distances(x):
    a = numpy.linalg.norm(x[:, None] - x[None], axis=2)
    return a - a.mean(0) - a.mean(1)[:, None] + a.mean()


def distance_correlation(x, y):
    """Empirical distance correlation of Szekely, Rizzo, Bakirov (2007)."""
    a, b = centered_distances(x), centered_distances(y)
    return numpy.sqrt((a * b).mean() / numpy.sqrt((a * a).mean() * (b * b).mean()))


def neighbors(x, k):
    return NearestNeighbors(n_neighbors=k).fit(x).kneighbors(return_distance=False)


random = numpy.random.RandomState(5)
names = ["linear", "wide", "curved"]
rows, iterations, k = 70, 2, 6
prompt = numpy.arange(rows) % 4
group = prompt // 2
# What the encoders have in common is a plane, seen in other units, among other things, and bent. The last
# has features far from the origin, which must not cost digits.
encodings = {name: [] for name in names}
for iteration in range(iterations):
    plane = random.normal(size=(rows, 2)) + iteration * random.normal(scale=2, size=(4, 2))[prompt]
    encodings["linear"].append(plane @ random.normal(size=(2, 3)) * 1e-2)
    encodings["wide"].append(numpy.hstack([plane, random.normal(size=(rows, 20)) / 4]))
    encodings["curved"].append(numpy.column_stack([plane[:, 0] ** 2, numpy.sin(plane[:, 1])]) + 100)
encodings = {name: [x.round(6) for x in of] for name, of in encodings.items()}

expected = []
for iteration in range(iterations):
    of = [encodings[name][iteration].astype(numpy.float32).astype(float) for name in names]
    near = [neighbors(x, k) for x in of]
    pairs = list(itertools.combinations(range(len(names)), 2))
    expected.append({
        "overlap": [numpy.mean([len(set(p) & set(q)) / k for p, q in zip(near[a], near[b])])
                    for a, b in pairs],
        "cka": [cka(of[a], of[b]) for a, b in pairs],
        "distance_correlation": [distance_correlation(of[a], of[b]) for a, b in pairs],
        "prompt_hit": [(prompt[n] == prompt[:, None]).mean() for n in near],
        "group_hit": [(group[n] == group[:, None]).mean() for n in near],
    })
path = pathlib.Path("Testing/Data/EncoderComparison/agreement.json")
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps({
    "neighbors": k, "prompt": prompt.tolist(), "group": group.tolist(),
    "features": {name: [x.tolist() for x in of] for name, of in encodings.items()},
    "expected": expected}) + "\n")
