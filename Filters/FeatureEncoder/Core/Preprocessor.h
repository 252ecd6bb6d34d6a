// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/FeatureEncoder/Core/Image.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace tdl
{
class Configuration;

/**
 * Turns images into what a network was trained on, as the preprocessor_config.json beside its
 * weights says: resize, crop, rescale, normalize. Understands transformers' image processors CLIP,
 * ViT, Bit (DINOv2) and ConvNext (ResNet), with the pixels their Pillow versions give.
 */
class Preprocessor
{
public:
  /**
   * @param file preprocessor_config.json.
   * @param channels of the network's input, 1 or 3.
   * @throws FileError naming the key of a value that is missing or not supported.
   */
  Preprocessor(const Configuration& file, int channels);

  /**
   * @param images any sizes that come out equal; gray and RGB become what the network takes.
   * @return (images, channels, H, W) float32, on the CPU.
   * @throws DataError when the images come out in different sizes.
   */
  at::Tensor Apply(const std::vector<ImageView>& images) const;

private:
  /** What a side or both sides shall become; 0 = not asked for. */
  struct Size
  {
    int ShortestEdge = 0;
    int Height = 0;
    int Width = 0;
  };
  static Size ReadSize(const Configuration& file, const char* key, bool square);
  Image ResizeAndCrop(const ImageView& image) const;

  int Channels;
  Size ResizeTo;
  ResizeFilter Filter = ResizeFilter::Bilinear;
  Size CropTo;
  double RescaleFactor = 1.0;
  std::vector<double> Mean;
  std::vector<double> Deviation;
};
}
