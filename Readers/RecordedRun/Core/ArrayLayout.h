// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tdl
{
/** What is known of an array of images from its manifest; 0: not known. */
struct KnownCounts
{
  std::uint64_t Rows = 0;
  std::uint64_t Instances = 0;
  std::uint64_t Iterations = 0;
};

/**
 * Which dimension of an array of images is which: its index, -1 where there is none. Either
 * Element, or Instance or Iteration or both are there; Height and Width are.
 */
struct ArrayLayout
{
  int Element = -1;
  int Instance = -1;
  int Iteration = -1;
  int Height = -1;
  int Width = -1;
  int Channel = -1;
};

/**
 * The layout that letters state, one per dimension: I instance, K iteration, E element (the rows
 * that a manifest lists), H height (top row first), W width, C channel.
 * @param array how errors call the array, as in "The array in images.npy".
 * @throws FileError when they contradict each other or the shape.
 */
ArrayLayout ParseLayout(
  const std::string& letters, const std::vector<std::uint64_t>& shape, const std::string& array);

/**
 * The letters of the layout that an array most likely has. 1, 3 or 4 behind height and width, or
 * before them, are channels; what is before is instance and iteration, in the order that fits the
 * known counts, or else instance first; a single dimension before holds the manifest's rows, or
 * else the iterations of one instance.
 * @throws FileError when there is no such layout.
 */
std::string InferLayout(
  const std::vector<std::uint64_t>& shape, const KnownCounts& known, const std::string& array);
}
