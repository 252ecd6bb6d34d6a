// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/FeatureEncoder/Core/FeatureOutput.h"
#include "Filters/FeatureEncoder/Core/Image.h"
#include "Filters/Foundation/Monitor.h"
#include "Filters/Networks/Device.h"

#include <string>
#include <vector>

namespace tdl
{
/** What makes features of images. */
enum class EncoderKind
{
  Model,      ///< A network.
  Pixels,     ///< Intensities, averaged down to at most PixelEncoder::MaximumDimension values.
  PCA,        ///< Principal components of Pixels, over all images.
  Gradients,  ///< Histograms of gradients at several scales, see GradientEncoder.
  Activations ///< What the network that made the images had in its middle.
};

/** What is done to features at the end. */
enum class FeatureNormalization
{
  None,
  L2,           ///< Each vector gets length 1; a vector of zeros stays as it is.
  Standardized, ///< Each feature gets mean 0 and variance 1; one that never varies becomes 0.
  PCA           ///< Principal components of the features, over all images, take their place.
};

struct EncoderParameters
{
  EncoderKind Encoder = EncoderKind::Model;
  /** Folder of the network, see ModelEncoder. */
  std::string EncoderFolder;
  FeatureOutput Output = FeatureOutput::Pooled;
  /** Of the outputs HiddenLayer and GramMatrix: 0 is the embedding, -1 the last layer. */
  int Layer = -1;
  /** Principal components to keep, from 1 to the number of images less one. */
  int Components = 50;
  FeatureNormalization Normalization = FeatureNormalization::None;
  /** Where the network runs. */
  DeviceKind Device = DeviceKind::Auto;
  int DeviceIndex = 0;
  /** 0: all cores. Not negative. */
  int Threads = 0;
  /**
   * Images encoded between two reports to the monitor; on the CPU rounded up to a multiple of 8.
   * 0: 8 per thread, on a GPU 256. Not negative.
   */
  int BatchSize = 0;
};

struct EncodedImages
{
  int Dimension = 0;
  /** N x Dimension, row by row, in the order of the images; fewer rows when stopped. */
  std::vector<float> Features;
  /**
   * Of each image, the cosine similarity of its embedding and its prompt's, in [-1, 1]; empty where
   * images are not compared.
   */
  std::vector<float> PromptSimilarities;
  /** JSON object: encoder, its checksum, settings, device. */
  std::string Provenance;
};

/** What images were made of. */
struct ImageOrigins
{
  std::vector<std::string> Prompts;
  /** The number of each image's prompt, an index of Prompts; not used where there are none. */
  std::vector<int> PromptOfImages;
  /** Of each image, ActivationChannels values; used where they are the features. */
  std::vector<const float*> Activations;
  int ActivationChannels = 0;
};

/**
 * Turns images into features, a batch at a time: beyond the images and the features, memory does
 * not grow with their number.
 *
 * On the CPU each image goes through the network by itself, on one thread: its features are the
 * same bits at any batch size and number of threads.
 *
 * @param monitor told of every batch; to stop keeps the batches that are finished.
 * @param origins the prompts that images are compared with, where the network can, and the
 * activations.
 * @throws DataError when there are no images, one has other than 1 or 3 channels, a prompt that is
 * not there or no activations, where these are wanted; ParameterError when a parameter is out of
 * range; FileError as ModelEncoder; ResourceError when a device lacks.
 */
EncodedImages EncodeImages(const std::vector<ImageView>& images, const ImageOrigins& origins,
  const EncoderParameters& parameters, const Monitor& monitor);

/** Normalizes N x `dimension` features in place; not by PCA, which changes their number. */
void Normalize(std::vector<float>& features, int dimension, FeatureNormalization normalization);
}
