#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Times the embedding beside other t-SNE programs, on the same data in the same run.

    python3 -m venv benchmark && benchmark/bin/pip install numpy scikit-learn openTSNE
    benchmark/bin/python benchmark.py <build>/Filters/EvolutionaryEmbedding/Benchmark/tdlBenchmarkEmbedding

Data: the first N images of Fashion-MNIST (Debian's dataset-fashion-mnist), 50 principal components.
Everyone: two dimensions, perplexity 30, 750 iterations, of these 250 (here: a quarter) with
exaggeration 12, start from principal components, learning rate N / 12. FIt-SNE takes part where
--fitsne names its folder. The divergence is computed anew for each result, from exact
neighbors and all pairs; the recall is that of the 10 nearest neighbors of 1,000 points.
"""
import argparse
import contextlib
import gzip
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.neighbors import NearestNeighbors

PERPLEXITY = 30
NEIGHBORS = 3 * PERPLEXITY
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")


def load(count):
    with gzip.open(DATA) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)[:count] / 255.0
    pixels -= pixels.mean(axis=0)
    _, axes = np.linalg.eigh(pixels.T @ pixels)
    return pixels @ axes[:, :-51:-1]


def affinities(features):
    """Neighbors [N, k] and the conditional probabilities [N, k] of the perplexity."""
    distances, neighbors = NearestNeighbors(
        n_neighbors=NEIGHBORS + 1, algorithm="brute").fit(features).kneighbors()
    distances, neighbors = distances[:, :NEIGHBORS] ** 2, neighbors[:, :NEIGHBORS]
    distances -= distances[:, :1]
    low, high = np.zeros((len(features), 1)), np.full((len(features), 1), np.inf)
    precision = 1.0 / distances.mean(axis=1, keepdims=True)
    for _ in range(60):
        weights = np.exp(-precision * distances)
        total = weights.sum(axis=1, keepdims=True)
        entropy = np.log(total) + precision * (weights * distances).sum(axis=1, keepdims=True) / total
        above = entropy > np.log(PERPLEXITY)
        low, high = np.where(above, precision, low), np.where(above, high, precision)
        precision = np.where(np.isinf(high), 2 * precision, (low + high) / 2)
    return neighbors, weights / total


def divergence(points, neighbors, conditional):
    """KL(P || Q) with the symmetric P; every pair counts in Q's normalization."""
    count = len(points)
    rows = np.repeat(np.arange(count), neighbors.shape[1])
    p = csr_matrix((conditional.ravel(), (rows, neighbors.ravel())), shape=(count, count))
    p = ((p + p.T) / (2 * count)).tocoo()
    square = (points ** 2).sum(axis=1)
    normalization = -float(count)
    for begin in range(0, count, 1000):
        block = points[begin:begin + 1000]
        normalization += (1 / (1 + square[begin:begin + 1000, None] + square - 2 * block @ points.T)).sum()
    distance = ((points[p.row] - points[p.col]) ** 2).sum(axis=1)
    return float((p.data * np.log(p.data * normalization * (1 + distance))).sum())


def recall(features, points):
    chosen = np.random.default_rng(0).choice(len(features), 1000, replace=False)
    nearest = [NearestNeighbors(n_neighbors=11).fit(x).kneighbors(x[chosen], return_distance=False)[:, 1:]
               for x in (features, points)]
    return float(np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(*nearest)]))


def run_ours(features, program, threads, folder):
    np.save(folder / "features.npy", features.astype(np.float32))
    report = json.loads(subprocess.run(
        [program, folder / "features.npy", folder / "points.bin", "--threads", str(threads)],
        check=True, capture_output=True).stdout)
    points = np.fromfile(folder / "points.bin").reshape(2, -1).T
    # Of one iteration, whose extent is one, t-SNE's units are this many times smaller.
    return report["total_s"], points * np.sqrt(len(points)) / 4, report


def run_opentsne(features, threads):
    import openTSNE
    begin = time.perf_counter()
    points = openTSNE.TSNE(perplexity=PERPLEXITY, n_jobs=threads, initialization="pca", random_state=1,
                           negative_gradient_method="fft", learning_rate=len(features) / 12).fit(features)
    return time.perf_counter() - begin, np.asarray(points), {}


def run_fitsne(features, folder, threads):
    """By the wrapper in FIt-SNE's folder, whose bin/fast_tsne is built; its files count as its time."""
    sys.path.insert(0, str(folder))
    from fast_tsne import fast_tsne
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        points = fast_tsne(features, perplexity=PERPLEXITY, learning_rate=len(features) / 12,
                           initialization="pca", nthreads=threads, seed=1)
    return time.perf_counter() - begin, points, {}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path, help="tdlBenchmarkEmbedding")
    parser.add_argument("--sizes", type=int, nargs="+", default=[5000, 20000, 60000])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--fitsne", type=pathlib.Path, help="folder of FIt-SNE with bin/fast_tsne")
    arguments = parser.parse_args()
    print("| N | program | total s | ratio to the fastest other | KL | 10-NN recall |\n|---|---|---|---|---|---|")
    for count in arguments.sizes:
        features = load(count)
        with tempfile.TemporaryDirectory() as name:
            results = {"openTSNE": run_opentsne(features, arguments.threads)}
            if arguments.fitsne:
                results["FIt-SNE"] = run_fitsne(features, arguments.fitsne, arguments.threads)
            fastest = min(seconds for seconds, _, _ in results.values())
            results["this"] = run_ours(features, arguments.program, arguments.threads, pathlib.Path(name))
        p = affinities(features)
        for label, (seconds, points, _) in results.items():
            print(f"| {count} | {label} | {seconds:.1f} | {seconds / fastest:.2f} "
                  f"| {divergence(points, *p):.3f} | {recall(features, points):.3f} |", flush=True)


if __name__ == "__main__":
    main()
