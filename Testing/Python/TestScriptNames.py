# SPDX-License-Identifier: BSD-3-Clause
"""The names that scripts are written against exist."""
import Plugins
import paraview.simple

NAMES = {
    "RecordedRunReader": """FileName ManifestFile NamePattern ArrayName Dimensions ValueRange Instances
        FirstIteration LastIteration Every StoredImageSize Threads""",
    "FeatureReader": "FileName ManifestFile ArrayName Instances FirstIteration LastIteration Every",
    "EvolutionaryEmbedding": """Layout NeighborhoodScope Perplexity DisplacementWeight AlignmentWeight
        DisplacementSpacing OptimizationSteps EarlyExaggeration LearningRate Metric Seed Threads""",
    "EmbeddingQuality": "Neighbors SampleSize",
    "Divergence": "Embedding Compare Neighbors Threshold Resamples Confidence Seed Threads",
    "EncoderComparison": "Neighbors SampleSize Threads",
    "FilmStrip": "Instances Every ImageArray",
}
NAMES_WITH_TORCH = {
    "DiffusionSampler": """ModelFolder Prompts PromptFile InstancesPerPrompt Seed InferenceSteps Scheduler
        GuidanceScale NegativePrompt CaptureNoisyImage CapturePredictedImage CapturePredictedNoise
        CaptureEvery CaptureSteps UpsampleCapturedImages StoredImageSize Device DeviceIndex Precision Threads
        BatchSize""",
    "FeatureEncoder": """Encoder EncoderFolder ImageArray FeatureOutput Normalization Components
        ThumbnailSize Device DeviceIndex Threads BatchSize""",
}

if Plugins.with_torch():
    NAMES.update(NAMES_WITH_TORCH)
for name, properties in NAMES.items():
    proxy = getattr(paraview.simple, name)()
    missing = set(properties.split()) - set(proxy.ListProperties())
    assert not missing, f"{name} lacks {missing}"
