// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Readers/Arrays/ArrayFile.h"
#include "Readers/RecordedRun/Core/ArrayLayout.h"
#include "Readers/RecordedRun/Core/RecordedRun.h"

namespace tdl
{
/** Where an image lies in an array; what the array has no dimension for is 0. */
struct ArrayPlace
{
  std::uint64_t Element = 0;
  std::uint64_t Instance = 0;
  std::uint64_t Iteration = 0;
};

/** The images in an array, converted to 8 bits. */
class ArrayImageReader
{
public:
  /**
   * @param finals some final images, by which an automatic range is judged.
   * @throws FileError when the array's numbers cannot be images.
   */
  ArrayImageReader(SharedArray array, const ArrayLayout& layout, ValueRange range,
    const std::vector<ArrayPlace>& finals);

  ImageSize Size() const;

  /** Black and white. */
  double Low() const { return this->Black; }
  double High() const { return this->White; }

  /** @throws FileError when it is damaged or holds NaN. @param pixels bottom row first. */
  void Read(const ArrayPlace& place, std::uint8_t* pixels) const;

private:
  std::vector<std::byte> ReadNumbers(const ArrayPlace& place) const;

  SharedArray Array;
  ArrayLayout Layout;
  int Height;
  int Width;
  int Channels;
  // Distances of neighboring pixels, in numbers.
  std::size_t RowStride = 0;
  std::size_t ColumnStride = 0;
  std::size_t ChannelStride = 0;
  double Black = 0.0;
  double White = 255.0;
};

/**
 * Makes an image smaller: a pixel is the mean of the area that it covers.
 * @param from and to rows in the same order.
 */
void ShrinkImage(
  const ImageSize& size, const std::uint8_t* from, const ImageSize& smaller, std::uint8_t* to);

/** The size with a longer side of at most `side` pixels (0: any) and the same aspect. */
ImageSize LimitSize(ImageSize size, int side);
}
