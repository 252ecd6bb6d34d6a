# SPDX-License-Identifier: BSD-3-Clause
from paraview.simple import *

images = DiffusionSampler(InstancesPerPrompt=10, InferenceSteps=50)
features = FeatureEncoder(Input=images)
tree = EvolutionaryEmbedding(Input=features, Layout="Radial")
Show(tree)
Render()
SaveData("tree.vtp", tree, DataMode="Binary")
SaveScreenshot("tree.png", ImageResolution=[1000, 1000])
