// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace tdl
{
/** How the samples of latent diffusion become images. */
enum class LatentDecoding
{
  Autoencoder,         ///< By the model's autoencoder.
  LinearApproximation, ///< By the linear map closest to it, one pixel per latent pixel.
  TiledAutoencoder     ///< By the autoencoder in overlapping tiles, which takes less memory.
};

/** The name by which users know a decoding. */
const char* LatentDecodingName(LatentDecoding decoding);
}
