// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/RecordedRun/Core/ArrayLayout.h"

#include "Filters/Foundation/Error.h"
#include "Readers/Arrays/NumberArray.h"

namespace tdl
{
namespace
{
bool IsChannels(std::uint64_t extent)
{
  return extent == 1 || extent == 3 || extent == 4;
}

/** The letters of the dimensions of one image, and how many these are. */
std::string ImageLetters(const std::vector<std::uint64_t>& shape, const KnownCounts& known)
{
  const std::size_t count = shape.size();
  if (count == 4 && known.Instances == shape[0] && known.Iterations == shape[1])
  {
    return "HW";
  }
  if (count >= 4 && IsChannels(shape[count - 1]))
  {
    return "HWC";
  }
  return count >= 4 && IsChannels(shape[count - 3]) ? "CHW" : "HW";
}
}

ArrayLayout ParseLayout(
  const std::string& letters, const std::vector<std::uint64_t>& shape, const std::string& array)
{
  const auto fail = [&](const std::string& problem)
  {
    throw FileError(array + " has the shape " + ShapeText(shape) + ", for which the dimensions '" +
      letters + "' " + problem +
      "; state one letter per dimension: E, or I and K, then H, W and, where there are channels, "
      "C.");
  };
  if (letters.size() != shape.size())
  {
    fail("are too few or too many");
  }
  ArrayLayout layout;
  for (std::size_t i = 0; i < letters.size(); ++i)
  {
    int* index = nullptr;
    switch (letters[i])
    {
      case 'E':
        index = &layout.Element;
        break;
      case 'I':
        index = &layout.Instance;
        break;
      case 'K':
        index = &layout.Iteration;
        break;
      case 'H':
        index = &layout.Height;
        break;
      case 'W':
        index = &layout.Width;
        break;
      case 'C':
        index = &layout.Channel;
        break;
      default:
        fail("have an unknown letter");
    }
    if (*index >= 0)
    {
      fail("repeat a letter");
    }
    *index = static_cast<int>(i);
  }
  if (layout.Height < 0 || layout.Width < 0 ||
    (layout.Element >= 0) == (layout.Instance >= 0 || layout.Iteration >= 0))
  {
    fail("do not tell what each image is");
  }
  for (const std::uint64_t extent : shape)
  {
    if (extent == 0 || extent > 0x7fffffff)
    {
      fail("cannot be read");
    }
  }
  if (layout.Channel >= 0 && !IsChannels(shape[static_cast<std::size_t>(layout.Channel)]))
  {
    fail("promise channels that are not 1, 3 or 4");
  }
  return layout;
}

std::string InferLayout(
  const std::vector<std::uint64_t>& shape, const KnownCounts& known, const std::string& array)
{
  const std::string image = ImageLetters(shape, known);
  if (shape.size() <= image.size() || shape.size() > image.size() + 2)
  {
    throw FileError(array + " has the shape " + ShapeText(shape) +
      ", which does not tell its dimensions; state them as Dimensions, or reshape it to instances "
      "x "
      "iterations x height x width x channels.");
  }
  if (shape.size() == image.size() + 2)
  {
    const bool swapped = known.Instances == shape[1] && known.Iterations == shape[0] &&
      known.Instances != known.Iterations;
    return (swapped ? "KI" : "IK") + image;
  }
  const bool isRows = known.Rows > 0
    ? known.Rows == shape[0]
    : known.Instances > 1 && known.Iterations > 1 && known.Instances * known.Iterations == shape[0];
  if (isRows)
  {
    return "E" + image;
  }
  return (known.Iterations == 1 && known.Instances == shape[0] ? "I" : "K") + image;
}
}
