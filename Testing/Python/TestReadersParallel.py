# SPDX-License-Identifier: BSD-3-Clause
"""Two processes read half of the instances each, and together what one process reads."""
import sys

import numpy as np
from paraview.simple import EvolutionaryEmbedding, FeatureReader, FilmStrip, RecordedRunReader

import ImageCollection as ic
import Parallel


def read_images(**choice):
    """The images of each instance that this process has, by its number."""
    output = ic.output_of(RecordedRunReader(FileName="images.npy", **choice))
    images = {}
    for i in range(output.GetNumberOfPartitionedDataSets()):
        if output.GetNumberOfPartitions(i) > 0:
            image = output.GetPartition(i, 0)
            number = ic.array_of(image.GetFieldData(), "Instance")[0]
            images[f"image{number}"] = ic.array_of(image.GetPointData(), "Image")
    # All processes know of all instances, and of the run.
    assert output.GetNumberOfPartitionedDataSets() == len(choice.get("Instances", range(5)))
    assert ic.array_of(output.GetFieldData(), "Prompts") == ["Unknown prompt"]
    return images


def read_features():
    reader = FeatureReader(FileName="features.npy")
    rows = ic.output_of(reader).GetRowData()
    embedding = ic.output_of(EvolutionaryEmbedding(Input=reader, OptimizationSteps=20))
    points = [embedding.GetPoint(i) for i in range(embedding.GetNumberOfPoints())]
    return {"instances": ic.array_of(rows, "Instance"), "features": ic.array_of(rows, "Features"),
            "points": np.array(points)}


def draw_strip():
    strip = ic.output_of(FilmStrip(Input=RecordedRunReader(FileName="images.npy")))
    if strip.GetNumberOfPoints() == 0:
        return {}
    return {"strip": ic.array_of(strip.GetPointData(), "Image")}


if "batch" in sys.argv:
    rank, size = Parallel.rank_and_size()
    assert size == 2
    # Of fewer instances than processes somebody has none.
    assert len(read_images(Instances=[3])) == rank
    np.savez(f"rank{rank}.npz", **read_images(), **read_features(), **draw_strip())
elif Parallel.is_possible():
    random = np.random.RandomState(4)
    np.save("images.npy", random.randint(0, 256, (5, 3, 4, 6, 3), np.uint8))
    np.save("features.npy", random.normal(size=(5, 3, 7)).astype(np.float32))
    Parallel.run(__file__, "--symmetric")
    ranks = [np.load(f"rank{rank}.npz") for rank in range(2)]
    images = read_images()
    assert len(images) == 5
    for rank, numbers in enumerate(([0, 1], [2, 3, 4])):
        assert set(np.unique(ranks[rank]["instances"])) == set(numbers)
        assert {name for name in ranks[rank].files if name.startswith("image")} == \
            {f"image{number}" for number in numbers}
        for number in numbers:
            assert np.array_equal(ranks[rank][f"image{number}"], images[f"image{number}"])
    assert "strip" not in ranks[1] and np.array_equal(ranks[0]["strip"], draw_strip()["strip"])
    features = read_features()
    assert np.array_equal(np.concatenate([part["features"] for part in ranks]),
                          features["features"])
    assert len(features["points"]) == 15
    assert np.array_equal(ranks[0]["points"], features["points"])
