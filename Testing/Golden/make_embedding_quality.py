# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/EmbeddingQuality: scikit-learn's trustworthiness, and continuity and k-NN recall
by it and its neighbors.

Needs: pip install scikit-learn
Run from the repository's root.
"""
import json
import pathlib

import numpy
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

random = numpy.random.RandomState(11)
features = random.normal(size=(60, 6)).round(4)
# Part of the structure survives, so that no measure is at either end of its range.
points = (features[:, :2] + random.normal(scale=0.7, size=(60, 2))).round(4)

cases = []
for k in (1, 5, 10, 29):
    original = NearestNeighbors(n_neighbors=k).fit(features).kneighbors(return_distance=False)
    embedded = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)
    cases.append({
        "neighbors": k,
        "recall": numpy.mean([len(set(a) & set(b)) / k for a, b in zip(original, embedded)]),
        "trustworthiness": trustworthiness(features, points, n_neighbors=k),
        "continuity": trustworthiness(points, features, n_neighbors=k),
    })
path = pathlib.Path("Testing/Data/EmbeddingQuality/neighborhoods.json")
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(
    {"features": features.tolist(), "points": points.tolist(), "cases": cases}) + "\n")
