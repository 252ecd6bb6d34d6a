# SPDX-License-Identifier: BSD-3-Clause
"""Film Strip: which images it shows and where, what it writes, and what it refuses."""
import numpy as np
from paraview.simple import FilmStrip, SaveData
from vtkmodules.vtkCommonDataModel import vtkPartitionedDataSetCollection
from tdl.vtkTDLFilmStrip import vtkFilmStrip
from vtkmodules.vtkIOImage import vtkPNGReader, vtkPNGWriter

import ImageCollection as ic

WIDTH, HEIGHT, ITERATIONS = 8, 5, 6
GUTTER, PROMPT_GUTTER = 1, 4


def pixels_of(image):
    """[height, width, components], top row first."""
    width, height, depth = image.GetDimensions()
    assert depth == 1, image.GetDimensions()
    values = ic.array_of(image.GetPointData(), image.GetPointData().GetScalars().GetName())
    return values.reshape(height, width, -1)[::-1]


def expected(collection, rows, columns, array="Image"):
    """The picture put together with NumPy; `rows` are lists of instances, one list per prompt."""
    bands = []
    for prompt, instances in enumerate(rows):
        for i, instance in enumerate(instances):
            image = collection.GetPartition(instance, 0)
            values = ic.array_of(image.GetPointData(), array)
            values = values.reshape(ITERATIONS, HEIGHT, WIDTH, -1)[:, ::-1]
            if bands:
                gutter = GUTTER if i else PROMPT_GUTTER
                bands.append(np.full((gutter, WIDTH * len(columns), values.shape[-1]), 255))
            bands.append(np.concatenate([values[column] for column in columns], axis=1))
    return np.concatenate(bands)


collection = ic.make_collection(iterations=ITERATIONS, width=WIDTH, height=HEIGHT)
source = ic.as_source(collection)

strip = FilmStrip(Input=source)
assert strip.ImageArray == "Image" and strip.Every == 5 and len(strip.Instances) == 0
strip.Every = 2
picture = pixels_of(ic.output_of(strip))
assert np.array_equal(picture, expected(collection, [[0, 1], [2, 3], [4, 5]], [0, 2, 4, 5]))

SaveData("strip.png", proxy=strip)
reader = vtkPNGReader()
reader.SetFileName("strip.png")
reader.Update()
assert np.array_equal(pixels_of(reader.GetOutput()), picture)

# Without ParaView a writer asks for the size before it asks for the pixels.
plain = vtkFilmStrip()
plain.SetInputData(collection)
plain.SetEvery(2)
writer = vtkPNGWriter()
writer.SetInputConnection(plain.GetOutputPort())
writer.SetFileName("plain.png")
writer.Write()
reader.SetFileName("plain.png")
reader.Update()
assert np.array_equal(pixels_of(reader.GetOutput()), picture)

strip.Instances = [3, 0, 2]
strip.Every = 100
strip.ImageArray = "PredictedImage"
assert np.array_equal(pixels_of(ic.output_of(strip)),
                      expected(collection, [[0], [2, 3]], [0, 5], "PredictedImage"))

gray = ic.make_collection(iterations=ITERATIONS, width=WIDTH, height=HEIGHT, components=1)
strip = FilmStrip(Input=ic.as_source(gray), Every=1)
assert np.array_equal(pixels_of(ic.output_of(strip)),
                      expected(gray, [[0, 1], [2, 3], [4, 5]], range(ITERATIONS)))

single = ic.make_collection(iterations=1, width=WIDTH, height=HEIGHT, arrays=("Image",))
ITERATIONS = 1
assert np.array_equal(pixels_of(ic.output_of(FilmStrip(Input=ic.as_source(single)))),
                      expected(single, [[0, 1], [2, 3], [4, 5]], [0]))

# What it refuses.
strip = FilmStrip(Input=source, Instances=[1, 77])
ic.expect_error(strip, "There is no instance 77")
strip.Instances = []
strip.ImageArray = "Picture"
ic.expect_error(strip, "has no uint8 point array 'Picture'")
ic.expect_error(FilmStrip(Input=ic.as_source(vtkPartitionedDataSetCollection())), "holds no images")

odd = ic.make_collection()
odd.SetPartition(1, 0, ic.make_collection(width=9).GetPartition(1, 0))
ic.expect_error(FilmStrip(Input=ic.as_source(odd)), "images of instance 1 differ")

bare = ic.make_collection()
bare.GetPartition(0, 0).GetFieldData().RemoveArray("PromptId")
ic.expect_error(FilmStrip(Input=ic.as_source(bare)), "lack the field data")
