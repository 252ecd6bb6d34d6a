// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tdl
{
/** An 8-bit image that belongs to someone else; channels of a pixel stand side by side. */
struct ImageView
{
  const std::uint8_t* TopRow; ///< First pixel of the uppermost row.
  std::ptrdiff_t RowStride;   ///< Bytes to the row below; negative where rows are kept bottom up.
  int Width;
  int Height;
  int Channels; ///< 1 (gray) or 3 (RGB).

  const std::uint8_t* Pixel(int x, int y) const
  {
    return this->TopRow + y * this->RowStride + static_cast<std::ptrdiff_t>(x) * this->Channels;
  }
};

/** An 8-bit image of its own, row by row from the top. */
struct Image
{
  int Width;
  int Height;
  int Channels;
  std::vector<std::uint8_t> Pixels;

  std::uint8_t* Pixel(int x, int y)
  {
    return this->Pixels.data() +
      (static_cast<std::ptrdiff_t>(y) * this->Width + x) * this->Channels;
  }

  ImageView View() const
  {
    return { this->Pixels.data(), static_cast<std::ptrdiff_t>(this->Width) * this->Channels,
      this->Width, this->Height, this->Channels };
  }
};

/** The filters of Pillow, by its numbers. All but Nearest average over the area when reducing. */
enum class ResizeFilter
{
  Nearest = 0,
  Lanczos = 1,
  Bilinear = 2,
  Bicubic = 3,
  Box = 4,
  Hamming = 5
};

/**
 * Scales an image to `width` x `height` with the very arithmetic of Pillow's Image.resize (before
 * Pillow 13), so that encoders see the pixels they were trained on: horizontally, then vertically,
 * each pass rounded to 8 bits.
 */
Image Resize(const ImageView& image, int width, int height, ResizeFilter filter);

/** Cuts the middle out, with a black border where the image is smaller than `width` x `height`. */
Image CropCenter(const ImageView& image, int width, int height);

/**
 * Copies an image with 1 or 3 channels: gray is repeated, RGB is weighted to luma (ITU-R 601) as
 * Pillow does.
 */
Image ConvertChannels(const ImageView& image, int channels);
}
