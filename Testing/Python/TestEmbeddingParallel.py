# SPDX-License-Identifier: BSD-3-Clause
"""Two processes that have half of the instances each get the embedding that one process gets."""
import sys

import numpy as np
from paraview.simple import Divergence, EmbeddingQuality, EvolutionaryEmbedding
from vtkmodules.util.numpy_support import numpy_to_vtk

import FeatureTables as ft
import ImageCollection as ic
import Parallel


def results(rank, ranks):
    """Arrays of the results from this process's share of the instances."""
    table = ft.make_table()
    count = table.GetNumberOfRows()
    thumbnails = np.arange(3 * count, dtype=np.uint8).reshape(count, 3)
    part = np.array_split(np.arange(count), ranks)[rank]
    table = ft.keep_rows(table, part)
    ft.set_column(table, "ThumbnailId", np.arange(len(part), dtype=np.int32))
    array = numpy_to_vtk(thumbnails[part], deep=True)
    array.SetName("Thumbnails")
    table.GetFieldData().AddArray(array)
    source = ic.as_source(table)
    embedding = EvolutionaryEmbedding(Input=source, OptimizationSteps=50)
    data = ic.output_of(embedding)
    quality = ic.output_of(EmbeddingQuality(Input=embedding, FeatureTable=source))
    divergence = Divergence(Input=source, Embedding=embedding)
    separations = ic.output_of(divergence)
    branches = divergence.GetClientSideObject().GetOutputDataObject(4)
    if rank > 0:
        assert separations.GetNumberOfRows() == 0 and branches.GetNumberOfPoints() == 0
        assert data.GetNumberOfPoints() == 0 and quality.GetNumberOfRows() == 0
        return None
    return {"points": np.array([data.GetPoint(i) for i in range(data.GetNumberOfPoints())]),
            "seeds": ic.array_of(data.GetPointData(), "Seed"),
            "pictures": ic.array_of(data.GetFieldData(), "Thumbnails")[
                ic.array_of(data.GetPointData(), "ThumbnailId")],
            "separations": ic.array_of(separations.GetRowData(), "Iteration"),
            "bounds": ic.array_of(separations.GetRowData(), "High"),
            "branches": np.array([branches.GetPoint(i) for i in range(branches.GetNumberOfPoints())]),
            "values": ic.array_of(quality.GetRowData(), "Value")}


if "batch" in sys.argv:
    found = results(*Parallel.rank_and_size())
    if found:
        np.savez("parallel.npz", **found)
elif Parallel.is_possible():
    Parallel.run(__file__, "--symmetric")
    found = np.load("parallel.npz")
    for name, expected in results(0, 1).items():
        assert np.array_equal(found[name], expected, equal_nan=True), name
