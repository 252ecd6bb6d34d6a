# SPDX-License-Identifier: BSD-3-Clause
"""
Grows the tree of a run that was recorded elsewhere or earlier (Readers/README.md tells how):

    pvpython recorded_run.py run/run.json

SaveData("run/run.json", DiffusionSampler()) records one.
"""
import sys

from paraview.simple import *

images = RecordedRunReader(FileName=sys.argv[1])
SaveData("film-strip.png", FilmStrip(Input=images))
features = FeatureEncoder(Input=images)
tree = EvolutionaryEmbedding(Input=features)
SaveData("tree.vtp", tree)
