// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Readers/Arrays/NumberArray.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
/** An array that several own. */
using SharedArray = std::shared_ptr<const NumberArray>;

/** Whether a file's extension is one of an array file: npy, npz, safetensors, h5, hdf5. */
bool IsArrayFile(const std::filesystem::path& file);

/**
 * Opens an array file: .npy and .npz of NumPy, safetensors, HDF5. Headers alone are read. Arrays
 * are mapped into memory (.npy, safetensors), read in parts (HDF5), or inflated as a whole when
 * first read (.npz).
 * @return the arrays of numbers, ordered by name; others, such as texts in HDF5, are passed over.
 * @throws FileError when the file is missing, of another kind, truncated or contradicts itself, or
 * holds no array.
 */
std::vector<SharedArray> OpenArrays(const std::filesystem::path& file);

/**
 * The array of that name; without a name, that of a file of one array, or else of the first of
 * `usual` that is there.
 * @throws FileError that lists the arrays when there is none.
 */
SharedArray FindArray(const std::vector<SharedArray>& arrays, const std::string& name,
  const std::vector<std::string>& usual);

/**
 * Whether an array of three dimensions, which may hold gray images or the features of instances x
 * iterations, more likely holds images: numbers of one byte, or squares.
 */
bool LooksLikeImages(const NumberArray& array);

/**
 * Opens an array file with one array of two dimensions.
 * @throws FileError as OpenArrays, and when it is another array or there are several.
 */
SharedArray OpenMatrix(const std::filesystem::path& file);
}
