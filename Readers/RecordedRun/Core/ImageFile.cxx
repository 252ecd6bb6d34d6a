// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/RecordedRun/Core/ImageFile.h"

#include "Filters/Foundation/Error.h"

#include <png.h>
#include <turbojpeg.h>
#include <webp/decode.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

namespace tdl
{
namespace
{
[[noreturn]] void FailToDecode(const std::filesystem::path& file, const std::string& reason)
{
  throw FileError("The image " + file.string() + " is damaged or incomplete (" + reason +
    "); copy or record it again.");
}

bool IsPng(const std::vector<std::uint8_t>& bytes)
{
  return bytes.size() >= 8 && png_sig_cmp(bytes.data(), 0, 8) == 0;
}

bool IsJpeg(const std::vector<std::uint8_t>& bytes)
{
  return bytes.size() >= 2 && bytes[0] == 0xFF && bytes[1] == 0xD8;
}

bool IsWebp(const std::vector<std::uint8_t>& bytes)
{
  return bytes.size() >= 12 && std::memcmp(bytes.data(), "RIFF", 4) == 0 &&
    std::memcmp(bytes.data() + 8, "WEBP", 4) == 0;
}

/** libpng's simplified interface, which needs no setjmp and converts every kind of PNG. */
class PngDecoder
{
public:
  explicit PngDecoder(const EncodedImage& image)
    : File(image.File)
  {
    this->Png.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&this->Png, image.Bytes.data(), image.Bytes.size()))
    {
      this->Fail();
    }
    this->Png.format =
      (this->Png.format & PNG_FORMAT_FLAG_COLOR) ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    // Without this 16-bit files that do not state their gamma would come out brighter.
    this->Png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  }
  ~PngDecoder() { png_image_free(&this->Png); }
  PngDecoder(const PngDecoder&) = delete;
  void operator=(const PngDecoder&) = delete;

  ImageSize Size() const
  {
    return { static_cast<int>(this->Png.width), static_cast<int>(this->Png.height),
      static_cast<int>(PNG_IMAGE_SAMPLE_CHANNELS(this->Png.format)) };
  }

  void Decode(std::uint8_t* pixels)
  {
    const png_color white{ 255, 255, 255 };
    // A negative row stride puts the bottom row first.
    const auto stride = -static_cast<png_int_32>(PNG_IMAGE_ROW_STRIDE(this->Png));
    if (!png_image_finish_read(&this->Png, &white, pixels, stride, nullptr))
    {
      this->Fail();
    }
  }

private:
  [[noreturn]] void Fail()
  {
    const std::string reason = this->Png.message;
    png_image_free(&this->Png); // not left to the destructor, which a constructor that throws skips
    FailToDecode(this->File, reason);
  }

  const std::filesystem::path& File;
  png_image Png{};
};

class JpegDecoder
{
public:
  explicit JpegDecoder(const EncodedImage& image)
    : Image(image)
  {
    int subsampling = 0;
    int colorSpace = 0;
    this->Check(tjDecompressHeader3(this->Handle.get(), image.Bytes.data(), image.Bytes.size(),
      &this->JpegSize.Width, &this->JpegSize.Height, &subsampling, &colorSpace));
    this->JpegSize.Components = colorSpace == TJCS_GRAY ? 1 : 3;
  }

  ImageSize Size() const { return this->JpegSize; }

  void Decode(std::uint8_t* pixels)
  {
    // libjpeg fills what a truncated file lacks with gray and only warns.
    this->Check(tjDecompress2(this->Handle.get(), this->Image.Bytes.data(),
      this->Image.Bytes.size(), pixels, this->JpegSize.Width, 0, this->JpegSize.Height,
      this->JpegSize.Components == 1 ? TJPF_GRAY : TJPF_RGB,
      TJFLAG_BOTTOMUP | TJFLAG_STOPONWARNING));
  }

private:
  void Check(int status)
  {
    if (status != 0)
    {
      FailToDecode(this->Image.File, tjGetErrorStr2(this->Handle.get()));
    }
  }

  const EncodedImage& Image;
  ImageSize JpegSize;
  std::unique_ptr<void, int (*)(tjhandle)> Handle{ tjInitDecompress(), &tjDestroy };
};

class WebpDecoder
{
public:
  explicit WebpDecoder(const EncodedImage& image)
    : Image(image)
  {
    if (WebPGetFeatures(image.Bytes.data(), image.Bytes.size(), &this->Features) != VP8_STATUS_OK ||
      this->Features.has_animation != 0)
    {
      FailToDecode(image.File, "no still WebP image");
    }
  }

  ImageSize Size() const { return { this->Features.width, this->Features.height, 3 }; }

  void Decode(std::uint8_t* pixels)
  {
    const ImageSize size = this->Size();
    const std::size_t count = static_cast<std::size_t>(size.Width) * size.Height;
    std::vector<std::uint8_t> rgba(4 * count);
    if (WebPDecodeRGBAInto(this->Image.Bytes.data(), this->Image.Bytes.size(), rgba.data(),
          rgba.size(), 4 * size.Width) == nullptr)
    {
      FailToDecode(this->Image.File, "WebP");
    }
    for (int y = 0; y < size.Height; ++y)
    {
      LayOverWhite(rgba.data() + std::size_t(4) * size.Width * (size.Height - 1 - y), size.Width,
        pixels + std::size_t(3) * size.Width * y);
    }
  }

private:
  const EncodedImage& Image;
  WebPBitstreamFeatures Features{};
};
}

bool IsImageFile(const std::filesystem::path& file)
{
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
    [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".webp";
}

void LayOverWhite(const std::uint8_t* rgba, std::size_t count, std::uint8_t* rgb)
{
  for (std::size_t i = 0; i < count; ++i, rgba += 4)
  {
    for (int c = 0; c < 3; ++c)
    {
      *rgb++ = static_cast<std::uint8_t>((rgba[c] * rgba[3] + 255 * (255 - rgba[3]) + 127) / 255);
    }
  }
}

EncodedImage OpenImage(const std::filesystem::path& file)
{
  EncodedImage image;
  image.File = file;
  std::ifstream stream(file, std::ios::binary);
  if (!stream || !std::filesystem::is_regular_file(file))
  {
    throw FileError("The image " + file.string() +
      " is missing or cannot be read; put it there or correct the manifest.");
  }
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  image.Bytes.resize(error ? 0 : size);
  stream.read(
    reinterpret_cast<char*>(image.Bytes.data()), static_cast<std::streamsize>(image.Bytes.size()));
  image.Bytes.resize(static_cast<std::size_t>(stream.gcount()));
  if (IsPng(image.Bytes))
  {
    image.Size = PngDecoder(image).Size();
  }
  else if (IsJpeg(image.Bytes))
  {
    image.Size = JpegDecoder(image).Size();
  }
  else if (IsWebp(image.Bytes))
  {
    image.Size = WebpDecoder(image).Size();
  }
  else
  {
    throw FileError("The image " + file.string() +
      " is neither PNG nor JPEG nor WebP; convert it to one of them.");
  }
  return image;
}

void DecodeImage(const EncodedImage& image, std::uint8_t* pixels)
{
  if (IsPng(image.Bytes))
  {
    PngDecoder(image).Decode(pixels);
  }
  else if (IsWebp(image.Bytes))
  {
    WebpDecoder(image).Decode(pixels);
  }
  else
  {
    JpegDecoder(image).Decode(pixels);
  }
}

void WritePng(const std::filesystem::path& file, const ImageSize& size, const std::uint8_t* pixels)
{
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(size.Width);
  png.height = static_cast<png_uint_32>(size.Height);
  png.format = size.Components == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  const auto stride = -static_cast<png_int_32>(PNG_IMAGE_ROW_STRIDE(png));
  if (!png_image_write_to_file(&png, file.string().c_str(), 0, pixels, stride, nullptr))
  {
    throw FileError("The image " + file.string() + " cannot be written (" + png.message +
      "); check the folder's permissions and the space left.");
  }
}
}
