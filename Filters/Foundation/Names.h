// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/**
 * Names of the arrays that flow between the filters: the contract of the chain. A stage reads and
 * writes these and passes on what it does not use.
 */
namespace tdl::names
{
// Point arrays of an image collection's partitions (uint8, 1 or 3 components, W x H x K).
inline constexpr char Image[] = "Image";
inline constexpr char PredictedImage[] = "PredictedImage";
inline constexpr char PredictedNoise[] = "PredictedNoise";

// Per element (table columns, point data) or per partition (field data).
inline constexpr char Instance[] = "Instance";
inline constexpr char Iteration[] = "Iteration";
inline constexpr char PromptId[] = "PromptId";
inline constexpr char GroupId[] = "GroupId";
inline constexpr char Seed[] = "Seed";
inline constexpr char Timestep[] = "Timestep";
inline constexpr char Sigma[] = "Sigma";
inline constexpr char Features[] = "Features";
inline constexpr char PromptSimilarity[] = "PromptSimilarity";
inline constexpr char ThumbnailId[] = "ThumbnailId";

// Field data of an image collection's partitions: a tuple per iteration.
inline constexpr char Activations[] = "Activations";

// Field data that every stage passes on.
inline constexpr char Prompts[] = "Prompts";
inline constexpr char Groups[] = "Groups";
inline constexpr char PromptGroup[] = "PromptGroup";
inline constexpr char Provenance[] = "Provenance";
inline constexpr char Thumbnails[] = "Thumbnails";
inline constexpr char ThumbnailSize[] = "ThumbnailSize";

// The embedding.
inline constexpr char TargetDisplacement[] = "TargetDisplacement";
inline constexpr char SemanticLoss[] = "SemanticLoss";
inline constexpr char DisplacementLoss[] = "DisplacementLoss";
inline constexpr char AlignmentLoss[] = "AlignmentLoss";
inline constexpr char Layout[] = "Layout";
inline constexpr char RingDisplacement[] = "RingDisplacement";
}
