// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Memory.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/Blas.h"
#include "Filters/Networks/Checksum.h"
#include "Filters/Networks/DefaultModel.h"
#include "Filters/Networks/Device.h"
#include "Filters/Networks/DeviceCopies.h"
#include "Filters/Networks/InferenceScope.h"
#include "Filters/Networks/Memory.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <dlfcn.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

TEST(Host, ChecksumIsSha256)
{
  const tdl::TemporaryFolder folder;
  const std::string path = (folder.Path / "file").string();
  const auto checksum = [&path](const std::string& content)
  {
    std::ofstream(path, std::ios::binary) << content;
    return tdl::FileChecksum(path);
  };
  // FIPS 180-4's examples.
  EXPECT_EQ(checksum(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(checksum("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(checksum(std::string(1000000, 'a')),
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_THROW(tdl::FileChecksum(path + " not there"), tdl::FileError);
  const std::string once = checksum("abc");
  const std::string other = (folder.Path / "other").string();
  std::ofstream(other) << "c";
  checksum("ab");
  EXPECT_EQ(tdl::FilesChecksum({ path, other }), once);
}

TEST(Host, ChecksumOfLargeFilesFollowsTheirChanges)
{
  const tdl::TemporaryFolder folder;
  const std::string path = (folder.Path / "large").string();
  std::ofstream(path) << "abc";
  std::filesystem::resize_file(path, std::uintmax_t(1) << 26); // sparse
  const std::string first = tdl::FileChecksum(path);
  EXPECT_EQ(tdl::FileChecksum(path), first);
  const auto before = std::filesystem::last_write_time(path);
  std::fstream(path, std::ios::in | std::ios::out) << "abd";
  std::filesystem::last_write_time(path, before + std::chrono::seconds(1));
  EXPECT_NE(tdl::FileChecksum(path), first);
  std::fstream(path, std::ios::in | std::ios::out) << "abc";
  std::filesystem::last_write_time(path, before);
  EXPECT_EQ(tdl::FileChecksum(path), first);
}

TEST(Host, AvailableMemoryIsThereAndFinite)
{
  EXPECT_GT(tdl::AvailableMemory(), std::uint64_t{ 1 } << 20);
  EXPECT_LT(tdl::AvailableMemory(), std::uint64_t{ 1 } << 50);
}

TEST(Host, PeakTensorMemoryIsWhatIsHeldAtOnce)
{
  const auto bytes = [](std::int64_t count) { return at::empty({ count }, at::kByte); };
  const at::Tensor before = bytes(1 << 20);
  const std::uint64_t peak = tdl::PeakTensorMemory(
    [&bytes]
    {
      const at::Tensor held = bytes(1 << 20);
      bytes(2 << 20);
      bytes(1 << 20);
    });
  EXPECT_EQ(peak, std::uint64_t{ 3 } << 20);
}

TEST(Host, FreedMemoryGoesBackToTheSystem)
{
#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
  GTEST_SKIP() << "the C library's own memory is not in use";
#endif
  const auto resident = []
  {
    std::size_t all = 0;
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> all >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  };
  constexpr std::size_t megabyte = std::size_t(1) << 20;
  std::vector<std::string> blocks(2000, std::string(megabyte / 16, 'x'));
  // What was allocated last keeps the C library from giving back what stands before it.
  const std::string last = std::move(blocks.back());
  blocks.clear();
  const std::size_t before = resident();
  tdl::ReleaseFreedMemory();
  EXPECT_LT(resident() + 100 * megabyte, before);
  EXPECT_EQ(last.size(), megabyte / 16);
}

TEST(Host, InferenceScopeLeavesTheHostAsItWas)
{
  at::set_num_threads(2);
  at::globalContext().setAllowTF32CuDNN(true);
  {
    const tdl::InferenceScope scope(3);
    EXPECT_EQ(at::get_num_threads(), 3);
    EXPECT_FALSE(at::globalContext().allowTF32CuDNN());
    EXPECT_TRUE(c10::InferenceMode::is_enabled());
  }
  EXPECT_EQ(at::get_num_threads(), 2);
  EXPECT_TRUE(at::globalContext().allowTF32CuDNN());
  EXPECT_FALSE(c10::InferenceMode::is_enabled());
  EXPECT_THROW(tdl::InferenceScope(-1), tdl::ParameterError);
  EXPECT_EQ(at::get_num_threads(), 2);
}

TEST(Host, DevicesAreThoseOfLibTorch)
{
  using tdl::DeviceKind;
  EXPECT_TRUE(tdl::ResolveDevice(DeviceKind::CPU, 7).is_cpu());
  const int count = static_cast<int>(torch::cuda::device_count());
  EXPECT_EQ(tdl::ResolveDevice(DeviceKind::Auto, 0).is_cuda(), count > 0);
  if (count > 0)
  {
    EXPECT_TRUE(tdl::ResolveDevice(DeviceKind::CUDA, count - 1).is_cuda());
    EXPECT_THROW(tdl::ResolveDevice(DeviceKind::CUDA, count), tdl::ParameterError);
    EXPECT_THROW(tdl::ResolveDevice(DeviceKind::Auto, -1), tdl::ParameterError);
  }
  else
  {
    EXPECT_THROW(tdl::ResolveDevice(DeviceKind::CUDA, 0), tdl::ResourceError);
  }
}

TEST(Host, HalfPrecisionIsForGpus)
{
  using tdl::PrecisionKind;
  const at::Device cpu = at::kCPU;
  const at::Device gpu = at::kCUDA;
  EXPECT_EQ(tdl::ResolvePrecision(PrecisionKind::Auto, cpu), at::kFloat);
  EXPECT_EQ(tdl::ResolvePrecision(PrecisionKind::Auto, gpu), at::kHalf);
  EXPECT_EQ(tdl::ResolvePrecision(PrecisionKind::Single, gpu), at::kFloat);
  EXPECT_EQ(tdl::ResolvePrecision(PrecisionKind::Half, gpu), at::kHalf);
  EXPECT_THROW(tdl::ResolvePrecision(PrecisionKind::Half, cpu), tdl::ParameterError);
}

TEST(Host, CopiesOfTheCpuAreTheValuesThemselves)
{
  const at::Tensor values = at::arange(6);
  EXPECT_TRUE(tdl::ToDevice(values, at::kCPU).is_same(values));
  tdl::HostCopies copies(at::kCPU);
  EXPECT_TRUE(copies.Start(values).is_same(values));
  copies.Follow();
  copies.Wait();
}

TEST(Host, CopiesOfAGpuHoldWhatItHadCalculated)
{
  if (torch::cuda::device_count() == 0)
  {
    GTEST_SKIP() << "there is no CUDA device";
  }
  const at::Device gpu(at::kCUDA, 0);
  tdl::HostCopies copies(gpu);
  at::Tensor values = tdl::ToDevice(at::ones({ 4096, 4096 }), gpu);
  std::vector<at::Tensor> results;
  for (int power = 1; power <= 6; ++power)
  {
    // The product takes a while, and the next one writes where it was read from.
    values.copy_(at::matmul(values, values) / 2048);
    results.push_back(copies.Start(values.slice(0, 0, 2).contiguous()));
  }
  copies.Wait();
  double expected = 1;
  for (const at::Tensor& result : results)
  {
    expected *= 2 * expected;
    EXPECT_TRUE(result.is_cpu());
    EXPECT_TRUE(result.eq(expected).all().item<bool>()) << expected;
  }
}

TEST(Host, ReferenceBlasIsTold)
{
  // Debian keeps the reference implementation in a folder called blas.
  std::ifstream stream("/proc/self/maps");
  const std::string maps{ std::istreambuf_iterator<char>(stream), {} };
  EXPECT_EQ(tdl::PrepareBlas().find("the reference BLAS") != std::string::npos,
    maps.find("/blas/libblas.so") != std::string::npos);
}

// Run by the test below in a process of its own, where OpenBLAS has been loaded with old kernels.
TEST(Host, DISABLED_ChoosesKernels)
{
  const auto coreName =
    reinterpret_cast<const char* (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  ASSERT_STREQ(coreName(), "Prescott");
  EXPECT_EQ(tdl::PrepareBlas(), "");
  EXPECT_STREQ(coreName(), "Prescott") << "The variable says so.";
  unsetenv("OPENBLAS_CORETYPE");
  EXPECT_EQ(tdl::PrepareBlas(), "");
  EXPECT_STREQ(coreName(), __builtin_cpu_supports("avx512vl") ? "SkylakeX" : "Haswell");
  EXPECT_EQ(std::getenv("OPENBLAS_CORETYPE"), nullptr);

  const at::Tensor a = at::arange(300 * 200, at::kDouble).view({ 300, 200 }).sin();
  const at::Tensor product = at::matmul(a.to(at::kFloat), a.t().to(at::kFloat));
  EXPECT_LT((product - (a.unsqueeze(1) * a).sum(2)).abs().max().item<double>(), 1e-4);
}

TEST(Host, OpenBlasThatIsOlderThanTheProcessorTakesItsBestKernels)
{
#if defined(__x86_64__)
  if (dlsym(RTLD_DEFAULT, "openblas_get_corename") == nullptr || !__builtin_cpu_supports("avx2"))
  {
    GTEST_SKIP() << "no OpenBLAS, or no processor that it could miss";
  }
  const std::string command = "OPENBLAS_CORETYPE=Prescott '" +
    std::filesystem::read_symlink("/proc/self/exe").string() +
    "' --gtest_also_run_disabled_tests --gtest_filter=Host.DISABLED_ChoosesKernels";
  EXPECT_EQ(std::system(command.c_str()), 0);
#endif
}

TEST(Host, DefaultModelsStandBesideTheLibraries)
{
  const std::filesystem::path folder = tdl::DefaultModelFolder("Some");
  EXPECT_TRUE(folder.is_absolute());
  EXPECT_EQ(folder.filename(), "Some");
  EXPECT_EQ(folder.parent_path().parent_path().filename(), "tree-of-diffusion-life");
}
