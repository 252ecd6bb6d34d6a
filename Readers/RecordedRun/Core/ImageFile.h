// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace tdl
{
/** Width and height in pixels, and 1 (gray) or 3 (RGB) components of 8 bits. */
struct ImageSize
{
  int Width = 0;
  int Height = 0;
  int Components = 0;

  std::size_t GetNumberOfBytes() const
  {
    return static_cast<std::size_t>(this->Width) * this->Height * this->Components;
  }
  bool operator==(const ImageSize& other) const
  {
    return this->Width == other.Width && this->Height == other.Height &&
      this->Components == other.Components;
  }
};

/** A PNG, JPEG or WebP file in memory whose header has been read. */
struct EncodedImage
{
  std::filesystem::path File;
  std::vector<std::uint8_t> Bytes;
  ImageSize Size;
};

/** Whether a file's extension is one of an image: png, jpg, jpeg, webp. */
bool IsImageFile(const std::filesystem::path& file);

/** Lays `count` RGBA pixels over white. */
void LayOverWhite(const std::uint8_t* rgba, std::size_t count, std::uint8_t* rgb);

/**
 * Reads a PNG, JPEG or WebP file without decoding it.
 *
 * VTK's image readers are not used: vtkPNGReader of VTK 9 crashes the process on a truncated file.
 *
 * @throws FileError when the file is missing or another kind.
 */
EncodedImage OpenImage(const std::filesystem::path& file);

/**
 * Decodes an image to 8 bits per component. Transparent pixels are laid over white.
 * @param pixels receives Size.GetNumberOfBytes() values, bottom row first as in vtkImageData.
 * @throws FileError when the file is damaged or truncated.
 */
void DecodeImage(const EncodedImage& image, std::uint8_t* pixels);

/**
 * Writes a PNG file; `pixels` as in DecodeImage.
 * @throws FileError when the file cannot be written.
 */
void WritePng(const std::filesystem::path& file, const ImageSize& size, const std::uint8_t* pixels);
}
