# SPDX-License-Identifier: BSD-3-Clause
"""What fails in one of two processes fails in both, and nothing behind it waits for ever."""
import sys

import numpy as np
import paraview.simple as pv

import ImageCollection as ic
import Parallel
import Plugins

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

    lost = in_process_1("lost.npy", "images.npy")
    expect_failure(pv.RecordedRunReader(FileName=lost), "lost.npy", pv.FilmStrip)
    lost = in_process_1("lost.npy", "features.npy")
    expect_failure(pv.FeatureReader(FileName=lost), "lost.npy", pv.EvolutionaryEmbedding)
    if Plugins.with_torch():
        array = in_process_1("Lost", "Image")
        features = pv.FeatureEncoder(Input=pv.RecordedRunReader(FileName="images.npy"), Encoder="Pixels",
                                     ImageArray=array)
        expect_failure(features, "Lost", pv.EvolutionaryEmbedding)
        prompts = in_process_1(["Spaceship"], ["Sneaker"])
        sampler = pv.DiffusionSampler(Prompts=prompts, InstancesPerPrompt=2, InferenceSteps=2)
        expect_failure(sampler, "Spaceship", pv.FilmStrip)
        # What was wrong is mended: all go on together.
        sampler.Prompts = ["Bag"]
        features = pv.FeatureEncoder(Input=sampler)
        embedding = pv.EvolutionaryEmbedding(Input=features, OptimizationSteps=5)
        assert (ic.output_of(embedding).GetNumberOfPoints() > 0) == (rank == 0)
elif Parallel.is_possible():
    np.save("images.npy", np.zeros((4, 3, 8, 8, 3), np.uint8))
    np.save("features.npy", np.random.RandomState(1).normal(size=(4, 3, 7)).astype(np.float32))
    Parallel.run(__file__, "--symmetric")
