// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace tdl
{
/** More channels than these are projected onto as many directions. */
constexpr std::int64_t MaximumGramChannels = 128;

/**
 * The Gram matrix of a layer's channels, which tells the style of an image whatever stands where
 * (Gatys, Ecker, Bethge, "Image Style Transfer Using Convolutional Neural Networks", 2016): the
 * mean over the patches of x x^T.
 *
 * The upper triangle is laid out row by row, diagonal included. What is beside the diagonal is
 * multiplied by the square root of two, so that the distance of two results is that of the matrices
 * (Frobenius).
 *
 * More than MaximumGramChannels channels are projected first, onto fixed random directions of
 * signs, which keeps distances approximately (Johnson-Lindenstrauss; Achlioptas 2003).
 *
 * @param patches (B, patches, C).
 * @return (B, d (d + 1) / 2), d = min(C, MaximumGramChannels).
 */
at::Tensor GramFeatures(const at::Tensor& patches);
}
