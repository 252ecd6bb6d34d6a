# SPDX-License-Identifier: BSD-3-Clause
"""What fails in one of two processes fails in both, and nothing behind it waits for ever."""
import sys

import numpy as np
from paraview.simple import (DiffusionSampler, EvolutionaryEmbedding, FeatureEncoder, FeatureReader,
                             FilmStrip, RecordedRunReader)

import ImageCollection as ic
import Parallel

if "batch" in sys.argv:
    rank, size = Parallel.rank_and_size()
    assert size == 2

    def expect_failure(proxy, words, behind):
        error = ic.expect_error(proxy, words)
        assert ("Process 1: " in error) == (rank == 0), error
        consumer = behind(Input=proxy)
        consumer.UpdatePipeline()
        assert consumer.GetDataInformation().GetNumberOfPoints() == 0

    def in_process_1(name, other):
        return name if rank == 1 else other

    images = RecordedRunReader(FileName="images.npy")
    lost = in_process_1("lost.npy", "images.npy")
    expect_failure(RecordedRunReader(FileName=lost), "lost.npy", FilmStrip)
    lost = in_process_1("lost.npy", "features.npy")
    expect_failure(FeatureReader(FileName=lost), "lost.npy", EvolutionaryEmbedding)
    array = in_process_1("Lost", "Image")
    expect_failure(FeatureEncoder(Input=images, Encoder="Pixels", ImageArray=array), "Lost",
                   EvolutionaryEmbedding)
    prompts = in_process_1(["Spaceship"], ["Sneaker"])
    sampler = DiffusionSampler(Prompts=prompts, InstancesPerPrompt=2, InferenceSteps=2)
    expect_failure(sampler, "Spaceship", FilmStrip)
    # What was wrong is mended: all go on together.
    sampler.Prompts = ["Bag"]
    embedding = EvolutionaryEmbedding(Input=FeatureEncoder(Input=sampler), OptimizationSteps=5)
    assert (ic.output_of(embedding).GetNumberOfPoints() > 0) == (rank == 0)
elif Parallel.is_possible():
    np.save("images.npy", np.zeros((4, 3, 8, 8, 3), np.uint8))
    np.save("features.npy", np.random.RandomState(1).normal(size=(4, 3, 7)).astype(np.float32))
    Parallel.run(__file__, "--symmetric")
