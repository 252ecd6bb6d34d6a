// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/FeatureEncoder.h"

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
constexpr const char* EncoderNames[] = { "Model", "Pixels", "PCA" };
constexpr const char* NormalizationNames[] = { "None", "L2", "Standardized" };

void Check(const std::vector<ImageView>& images, const EncoderParameters& parameters)
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

EncodedImages EncodeImages(
  const std::vector<ImageView>& images, const EncoderParameters& parameters, const Monitor& monitor)
{
  Check(images, parameters);
  const int threads = ResolveThreads(parameters.Threads);
  const bool usesModel = parameters.Encoder == EncoderKind::Model;
  const at::Device device =
    usesModel ? ResolveDevice(parameters.Device, parameters.DeviceIndex) : at::kCPU;
  // On the CPU it is groups of images that share the threads, so that each has one to itself.
  const InferenceScope scope(device.is_cpu() ? 1 : threads);
  std::unique_ptr<Encoder> encoder;
  if (usesModel)
  {
    encoder = std::make_unique<ModelEncoder>(parameters.EncoderFolder, parameters.Output, device);
  }
  else
  {
    encoder = std::make_unique<PixelEncoder>(images.front());
  }

  EncodedImages result;
  result.Dimension = encoder->Dimension();
  result.Features.resize(images.size() * encoder->Dimension());
  // Calls on the CPU hold the same images whatever the batch, so that rounding is the same.
  constexpr std::size_t group = 8;
  const std::size_t automatic = device.is_cpu() ? group * threads : 256;
  std::size_t batch = parameters.BatchSize > 0 ? parameters.BatchSize : automatic;
  if (device.is_cpu())
  {
    batch = (batch + group - 1) / group * group;
  }
  const std::size_t perCall = device.is_cpu() ? group : batch;
  for (std::size_t begin = 0; begin < images.size(); begin += batch)
  {
    const std::size_t end = std::min(begin + batch, images.size());
    const auto calls = static_cast<int>((end - begin + perCall - 1) / perCall);
    ForEach(calls, device.is_cpu() ? threads : 1,
      [&](int call)
      {
        const c10::InferenceMode inference; // holds for one thread
        const std::size_t first = begin + call * perCall;
        const std::size_t last = std::min(first + perCall, end);
        encoder->Encode({ images.begin() + static_cast<std::ptrdiff_t>(first),
                          images.begin() + static_cast<std::ptrdiff_t>(last) },
          result.Features.data() + first * encoder->Dimension());
      });
    if (!Continue(monitor, "Encoding", static_cast<double>(end) / images.size()))
    {
      // Components of some of the images would not be those of all.
      const bool partial = parameters.Encoder != EncoderKind::PCA || end == images.size();
      result.Features.resize(partial ? end * encoder->Dimension() : 0);
      break;
    }
  }

  nlohmann::json provenance = encoder->Provenance();
  provenance["encoder"] = EncoderNames[static_cast<int>(parameters.Encoder)];
  provenance["normalization"] = NormalizationNames[static_cast<int>(parameters.Normalization)];
  if (parameters.Encoder == EncoderKind::PCA && !result.Features.empty())
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
