// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Features/Core/FeatureFile.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

namespace
{
namespace fs = std::filesystem;

class FeatureFile : public ::testing::Test
{
protected:
  fs::path Write(const std::string& name, const std::string& bytes) const
  {
    const fs::path file = this->Folder / name;
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

  /** A .npy file of float32: 0, 1, 2, ... */
  fs::path WriteNpy(const std::string& name, const std::string& shape, int count) const
  {
    std::vector<float> numbers(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), 0.0F);
    const std::string header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + ")}\n";
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(header.size());
    bytes += '\0';
    bytes += header;
    bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float));
    return this->Write(name, bytes);
  }

  static std::vector<float> Read(const tdl::FeatureFile& file, const std::vector<std::size_t>& rows)
  {
    std::vector<float> values(rows.size() * static_cast<std::size_t>(file.Components()));
    file.Read(rows, values.data());
    return values;
  }

  void ExpectError(const tdl::FeatureSource& source, const std::string& words) const
  {
    try
    {
      const tdl::FeatureFile file(source);
      ADD_FAILURE() << "read, expected: " << words;
    }
    catch (const tdl::FileError& e)
    {
      const std::string message = e.what();
      EXPECT_NE(message.find(words), std::string::npos) << message;
      EXPECT_EQ(message.back(), '.') << message;
    }
  }

  const tdl::TemporaryFolder Temporary{ "tdl features \u00fc" };
  const fs::path Folder = this->Temporary.Path;
};

using Floats = std::vector<float>;
}

TEST_F(FeatureFile, ReadsATable)
{
  const tdl::FeatureFile file(
    { this->Write("f.csv", "instance,iteration,prompt,x0,x1\n1,1,cat,5,6\n1,0,cat,-3e1,.5\n"), "",
      "" });
  EXPECT_EQ(file.Components(), 2);
  ASSERT_EQ(file.Description().Rows.size(), 2u);
  EXPECT_EQ(file.Description().Rows[0].Iteration, 1);
  EXPECT_EQ(Read(file, { 1, 0 }), (Floats{ -30, 0.5, 5, 6 }));
}

TEST_F(FeatureFile, ReadsAGridWithoutManifest)
{
  const tdl::FeatureFile file({ this->WriteNpy("f.npy", "2, 3, 2", 12), "", "" });
  EXPECT_EQ(file.Description().Instances.size(), 2u);
  EXPECT_EQ(file.Description().GetNumberOfIterations(), 3);
  EXPECT_EQ(Read(file, { 5, 1 }), (Floats{ 10, 11, 2, 3 }));
  EXPECT_EQ(file.Memory(5), 5u * 2 * 4);
}

TEST_F(FeatureFile, ReadsAGridByItsManifest)
{
  const fs::path array = this->WriteNpy("f.npy", "3, 2, 2", 12);
  this->Write("f.csv", "instance,iteration\n7,0\n7,1\n7,2\n5,0\n5,1\n5,2\n");
  const tdl::FeatureFile file({ array, "", "" });
  // Iterations first; row 3 is iteration 0 of the second in the table.
  EXPECT_EQ(Read(file, { 3, 2 }), (Floats{ 2, 3, 8, 9 }));
}

TEST_F(FeatureFile, ReadsAMatrixByItsManifest)
{
  const fs::path array = this->WriteNpy("f.npy", "2, 2", 4);
  const fs::path manifest = this->Write("rows.csv", "instance,iteration\n7,5\n7,2\n");
  const tdl::FeatureFile file({ array, manifest, "" });
  EXPECT_EQ(file.Description().Rows[0].Iteration, 5);
  EXPECT_EQ(Read(file, { 0 }), (Floats{ 0, 1 }));
  this->ExpectError({ array, "", "" }, "set the Manifest File");
}

TEST_F(FeatureFile, IsUnlikelyWhereImagesAreMeant)
{
  const auto isUnlikely = [](const fs::path& file) {
    return tdl::FeatureFile({ file, "", "" }).IsUnlikely();
  };
  EXPECT_FALSE(isUnlikely(this->WriteNpy("f.npy", "2, 3, 2", 12)));
  const fs::path squares = this->WriteNpy("squares.npy", "3, 2, 2", 12);
  EXPECT_TRUE(isUnlikely(squares));
  this->Write("squares.csv", "instance,iteration\n7,0\n7,1\n7,2\n5,0\n5,1\n5,2\n");
  EXPECT_FALSE(isUnlikely(squares));
  this->Write("f.json", "{ \"format\": \"tree-of-diffusion-life-run\" }");
  EXPECT_TRUE(isUnlikely(this->Folder / "f.npy"));
}

TEST_F(FeatureFile, RefusesWhatDoesNotFit)
{
  const fs::path manifest = this->Write("rows.csv", "instance,iteration\n7,0\n7,1\n");
  this->ExpectError({ this->WriteNpy("f.npy", "3, 2", 6), manifest, "" },
    "has 3 rows (3 x 2) but its manifest describes 2");
  this->ExpectError({ this->WriteNpy("f.npy", "2, 2, 1", 4), manifest, "" }, "has 4 rows");
  this->ExpectError({ this->WriteNpy("f.npy", "4,", 4), manifest, "" }, "have 1 dimensions");
  this->ExpectError({ this->WriteNpy("f.npy", "2, 0", 0), manifest, "" }, "have the shape 2 x 0");
  this->ExpectError({ this->Folder / "gone.npy", manifest, "" }, "is missing");
  this->ExpectError({ this->Folder / "gone.csv", "", "" }, "is missing");
  this->ExpectError({ this->Write("f.parquet", "PAR1"), "", "" }, "numpy.save");
  this->ExpectError(
    { this->Write("f.csv", "instance\n1\n"), "", "" }, "has no columns of features");
  this->ExpectError({ this->Write("f.csv", "instance,x\n1,1\n2,high\n"), "", "" },
    "has 'high' in column 'x', row 3");
}
