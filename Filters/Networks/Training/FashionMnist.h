// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace tdl
{
/** Images and labels of one split of Fashion-MNIST (Xiao, Rasul, Vollgraf, 2017). */
struct FashionMnist
{
  at::Tensor Images; ///< (N, 1, 28, 28) uint8
  at::Tensor Labels; ///< (N) int64 in [0, 10)

  /**
   * Reads a split from gzipped IDX files, as Debian's package dataset-fashion-mnist installs them.
   * @param folder where the files lie.
   * @param split "train" (60,000 images) or "t10k" (10,000).
   * @throws FileError when a file is missing or not of that format.
   */
  static FashionMnist Read(const std::string& folder, const std::string& split);

  /** Where Debian's package installs the files. */
  static constexpr char DefaultFolder[] = "/usr/share/datasets/fashion-mnist";
  static constexpr int Classes = 10;
};
}
