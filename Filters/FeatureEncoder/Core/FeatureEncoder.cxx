// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/FeatureEncoder.h"

#include "Filters/FeatureEncoder/Core/ActivationEncoder.h"
#include "Filters/FeatureEncoder/Core/GradientEncoder.h"
#include "Filters/FeatureEncoder/Core/ModelEncoder.h"
#include "Filters/FeatureEncoder/Core/PixelEncoder.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/ForEach.h"
#include "Filters/Foundation/PrincipalComponents.h"
#include "Filters/Foundation/Threads.h"
#include "Filters/Networks/InferenceScope.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>

namespace tdl
{
namespace
{
constexpr const char* EncoderNames[] = { "Model", "Pixels", "PCA", "Gradients", "Activations" };
constexpr const char* NormalizationNames[] = { "None", "L2", "Standardized", "PCA" };

void Check(const std::vector<ImageView>& images, const ImageOrigins& origins,
  const EncoderParameters& parameters)
{
  if (parameters.BatchSize < 0)
  {
    throw ParameterError("Batch Size is " + std::to_string(parameters.BatchSize) +
      "; set it to 0 (automatic) or to a positive number.");
  }
  if (images.empty())
  {
    throw DataError("There are no images to encode; give it a collection that holds some.");
  }
  for (const ImageView& image : images)
  {
    if (image.Channels != 1 && image.Channels != 3)
    {
      throw DataError("An image has " + std::to_string(image.Channels) +
        " components per pixel; choose an array with 1 (gray) or 3 (RGB).");
    }
  }
  if (parameters.Encoder == EncoderKind::Activations &&
    (origins.Activations.size() != images.size() || origins.ActivationChannels < 1))
  {
    throw DataError("The images come without activations; switch on Capture Activations of the "
                    "Diffusion Sampler, or choose another Encoder.");
  }
  if (origins.Prompts.empty())
  {
    return;
  }
  const auto known = [&origins](int number)
  { return number >= 0 && number < static_cast<int>(origins.Prompts.size()); };
  if (origins.PromptOfImages.size() != images.size() ||
    !std::all_of(origins.PromptOfImages.begin(), origins.PromptOfImages.end(), known))
  {
    throw DataError("An image is of a prompt that is not among the " +
      std::to_string(origins.Prompts.size()) +
      " prompts of the collection; connect a Diffusion Sampler or a Recorded Run Reader.");
  }
}

std::unique_ptr<Encoder> MakeEncoder(const EncoderParameters& parameters, at::Device device,
  const ImageOrigins& origins, const ImageView& example)
{
  switch (parameters.Encoder)
  {
    case EncoderKind::Model:
      return std::make_unique<ModelEncoder>(ModelEncoder::Options{ parameters.EncoderFolder,
                                              parameters.Output, parameters.Layer, device },
        origins.Prompts, example);
    case EncoderKind::Gradients:
      return std::make_unique<GradientEncoder>();
    case EncoderKind::Activations:
      return std::make_unique<ActivationEncoder>(origins.ActivationChannels);
    default:
      return std::make_unique<PixelEncoder>(example);
  }
}

void NormalizeLengths(std::vector<float>& features, int dimension)
{
  for (auto row = features.begin(); row != features.end(); row += dimension)
  {
    double square = 0.0;
    std::for_each(row, row + dimension, [&square](double value) { square += value * value; });
    const double scale = square > 0.0 ? 1.0 / std::sqrt(square) : 1.0;
    std::transform(row, row + dimension, row,
      [scale](float value) { return static_cast<float>(value * scale); });
  }
}

void Standardize(std::vector<float>& features, int dimension)
{
  const double count = static_cast<double>(features.size()) / dimension;
  std::vector<double> mean(dimension, 0.0);
  std::vector<double> variance(dimension, 0.0);
  const auto forEach = [&features, dimension](const auto& visit)
  {
    for (std::size_t i = 0; i < features.size(); ++i)
    {
      visit(i % dimension, features[i]);
    }
  };
  forEach([&](std::size_t column, float value) { mean[column] += value / count; });
  forEach(
    [&](std::size_t column, float value)
    {
      const double offset = value - mean[column];
      variance[column] += offset * offset / count;
    });
  forEach(
    [&](std::size_t column, float& value)
    {
      // What float cannot tell from the mean does not vary.
      const double noise = std::abs(mean[column]) * 1e-6;
      const double deviation = std::sqrt(variance[column]);
      value = deviation > noise ? static_cast<float>((value - mean[column]) / deviation) : 0.0F;
    });
}
}

EncodedImages EncodeImages(const std::vector<ImageView>& images, const ImageOrigins& origins,
  const EncoderParameters& parameters, const Monitor& monitor)
{
  Check(images, origins, parameters);
  const int threads = ResolveThreads(parameters.Threads);
  const at::Device device = parameters.Encoder == EncoderKind::Model
    ? ResolveDevice(parameters.Device, parameters.DeviceIndex)
    : at::Device(at::kCPU);
  // On the CPU it is groups of images that share the threads, so that each has one to itself.
  const InferenceScope scope(device.is_cpu() ? 1 : threads);
  const std::unique_ptr<Encoder> encoder = MakeEncoder(parameters, device, origins, images.front());

  EncodedImages result;
  result.Dimension = encoder->Dimension();
  result.Features.resize(images.size() * encoder->Dimension());
  if (encoder->ComparesPrompts())
  {
    result.PromptSimilarities.resize(images.size());
  }
  const bool needsAll =
    parameters.Encoder == EncoderKind::PCA || parameters.Normalization == FeatureNormalization::PCA;
  // Calls on the CPU hold the same images whatever the batch, so that rounding is the same.
  constexpr std::size_t group = 8;
  const std::size_t automatic = device.is_cpu() ? group * threads : 256;
  std::size_t batch = parameters.BatchSize > 0 ? parameters.BatchSize : automatic;
  if (device.is_cpu())
  {
    batch = (batch + group - 1) / group * group;
  }
  const std::size_t perCall = device.is_cpu() ? group : batch;
  const auto encode = [&](std::size_t first, std::size_t last)
  {
    const c10::InferenceMode inference; // holds for one thread
    EncoderBatch part;
    part.Images = { images.begin() + static_cast<std::ptrdiff_t>(first),
      images.begin() + static_cast<std::ptrdiff_t>(last) };
    part.Features = result.Features.data() + first * encoder->Dimension();
    part.Activations = origins.Activations.data() + first;
    if (encoder->ComparesPrompts())
    {
      part.Prompts = origins.PromptOfImages.data() + first;
      part.Similarities = result.PromptSimilarities.data() + first;
    }
    encoder->Encode(part);
  };
  for (std::size_t begin = 0; begin < images.size(); begin += batch)
  {
    const std::size_t end = std::min(begin + batch, images.size());
    const auto calls = static_cast<int>((end - begin + perCall - 1) / perCall);
    ForEach(calls, device.is_cpu() ? threads : 1,
      [&](int call)
      {
        const std::size_t first = begin + call * perCall;
        encode(first, std::min(first + perCall, end));
      });
    if (!Continue(monitor, "Encoding", static_cast<double>(end) / images.size()))
    {
      // Components of some of the images would not be those of all.
      const std::size_t finished = needsAll && end < images.size() ? 0 : end;
      result.Features.resize(finished * encoder->Dimension());
      result.PromptSimilarities.resize(encoder->ComparesPrompts() ? finished : 0);
      break;
    }
  }

  nlohmann::json provenance = encoder->Provenance();
  provenance["encoder"] = EncoderNames[static_cast<int>(parameters.Encoder)];
  provenance["normalization"] = NormalizationNames[static_cast<int>(parameters.Normalization)];
  if (needsAll && !result.Features.empty())
  {
    result.Features = PrincipalComponents(result.Features.data(),
      result.Features.size() / result.Dimension, result.Dimension, parameters.Components, threads);
    result.Dimension = parameters.Components;
    provenance["components"] = parameters.Components;
  }
  Normalize(result.Features, result.Dimension, parameters.Normalization);
  result.Provenance = provenance.dump();
  return result;
}

void Normalize(std::vector<float>& features, int dimension, FeatureNormalization normalization)
{
  if (normalization == FeatureNormalization::L2)
  {
    NormalizeLengths(features, dimension);
  }
  else if (normalization == FeatureNormalization::Standardized)
  {
    Standardize(features, dimension);
  }
}
}
