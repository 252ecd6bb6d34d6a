// SPDX-License-Identifier: BSD-3-Clause
#include "vtkRecordedRunWriter.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Names.h"
#include "Readers/RecordedRun/Core/RunWriter.h"

#include "vtkDataArray.h"
#include "vtkErrorCode.h"
#include "vtkFieldData.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkObjectFactory.h"
#include "vtkPartitionedDataSet.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkPointData.h"
#include "vtkStringArray.h"
#include "vtkTypeInt64Array.h"
#include "vtkUnsignedCharArray.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace
{
[[noreturn]] void FailAboutInput(const std::string& problem)
{
  throw tdl::DataError(
    problem + "; write the output of a Diffusion Sampler or Recorded Run Reader.");
}

/** The array of this name with `size` values (any number where `size` is -1). */
template <typename Array>
Array* Need(vtkFieldData* fields, const char* name, vtkIdType size)
{
  auto* array = Array::SafeDownCast(fields->GetAbstractArray(name));
  if (!array || (size >= 0 && array->GetNumberOfValues() != size))
  {
    FailAboutInput("The field data lack a proper array " + std::string(name));
  }
  return array;
}

std::vector<std::string> Texts(vtkFieldData* fields, const char* name)
{
  auto* array = Need<vtkStringArray>(fields, name, -1);
  std::vector<std::string> texts;
  for (vtkIdType i = 0; i < array->GetNumberOfValues(); ++i)
  {
    texts.push_back(array->GetValue(i));
  }
  return texts;
}

std::vector<double> Numbers(vtkFieldData* fields, const char* name, vtkIdType size)
{
  auto* array = Need<vtkDataArray>(fields, name, size);
  std::vector<double> numbers;
  for (vtkIdType i = 0; i < size; ++i)
  {
    numbers.push_back(array->GetComponent(i, 0));
  }
  return numbers;
}

int Index(double value, std::size_t count, const char* name)
{
  if (!(value >= 0.0 && value < static_cast<double>(count)))
  {
    FailAboutInput("The field data's array " + std::string(name) + " is out of range");
  }
  return static_cast<int>(value);
}

/** All of the manifest that is not of one instance. */
tdl::Manifest StartManifest(vtkFieldData* fields)
{
  tdl::Manifest manifest;
  manifest.Provenance = Need<vtkStringArray>(fields, tdl::names::Provenance, 1)->GetValue(0);
  manifest.Prompts = Texts(fields, tdl::names::Prompts);
  manifest.Groups = Texts(fields, tdl::names::Groups);
  const auto prompts = static_cast<vtkIdType>(manifest.Prompts.size());
  for (const double group : Numbers(fields, tdl::names::PromptGroup, prompts))
  {
    manifest.PromptGroup.push_back(Index(group, manifest.Groups.size(), tdl::names::PromptGroup));
  }
  return manifest;
}

std::vector<vtkImageData*> FindImages(vtkPartitionedDataSetCollection* collection)
{
  std::vector<vtkImageData*> images;
  for (unsigned int i = 0; i < collection->GetNumberOfPartitionedDataSets(); ++i)
  {
    for (unsigned int j = 0; j < collection->GetNumberOfPartitions(i); ++j)
    {
      if (auto* image = vtkImageData::SafeDownCast(collection->GetPartitionAsDataObject(i, j)))
      {
        images.push_back(image);
      }
    }
  }
  if (images.empty())
  {
    FailAboutInput("There is no image to write");
  }
  return images;
}

/** Equal, where NaN (not known) equals NaN. */
bool Same(const std::vector<double>& a, const std::vector<double>& b)
{
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
    [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

/** Writes the images of one instance and enters it into the manifest. */
void AddInstance(vtkImageData* image, tdl::Manifest& manifest, tdl::RunWriter& writer)
{
  vtkFieldData* fields = image->GetFieldData();
  int dimensions[3];
  image->GetDimensions(dimensions);
  const int iterations = dimensions[2];

  tdl::ManifestInstance instance;
  instance.Instance = static_cast<int>(Numbers(fields, tdl::names::Instance, 1)[0]);
  instance.Prompt = Index(
    Numbers(fields, tdl::names::PromptId, 1)[0], manifest.Prompts.size(), tdl::names::PromptId);
  instance.Seed = Need<vtkTypeInt64Array>(fields, tdl::names::Seed, 1)->GetValue(0);

  std::vector<double> timestep = Numbers(fields, tdl::names::Timestep, iterations);
  std::vector<double> sigma = Numbers(fields, tdl::names::Sigma, iterations);
  if (manifest.Instances.empty())
  {
    manifest.Timestep = std::move(timestep);
    manifest.Sigma = std::move(sigma);
  }
  else if (!Same(timestep, manifest.Timestep) || !Same(sigma, manifest.Sigma))
  {
    FailAboutInput("Not all instances have the same iterations");
  }

  for (const char* name :
    { tdl::names::Image, tdl::names::PredictedImage, tdl::names::PredictedNoise })
  {
    auto* array = vtkUnsignedCharArray::SafeDownCast(image->GetPointData()->GetArray(name));
    if (!array)
    {
      continue;
    }
    const tdl::ImageSize size{ dimensions[0], dimensions[1], array->GetNumberOfComponents() };
    for (int k = 0; k < iterations; ++k)
    {
      instance.Images[name].push_back(writer.AddImage(
        instance.Instance, name, k, size, array->GetPointer(0) + k * size.GetNumberOfBytes()));
    }
  }
  manifest.Instances.push_back(std::move(instance));
}
}

vtkStandardNewMacro(vtkRecordedRunWriter);

vtkRecordedRunWriter::vtkRecordedRunWriter() = default;

vtkRecordedRunWriter::~vtkRecordedRunWriter()
{
  this->SetFileName(nullptr);
}

void vtkRecordedRunWriter::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "FileName: " << (this->FileName ? this->FileName : "(none)") << "\n";
}

int vtkRecordedRunWriter::FillInputPortInformation(int, vtkInformation* info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkPartitionedDataSetCollection");
  return 1;
}

void vtkRecordedRunWriter::WriteData()
{
  if (!this->FileName || !*this->FileName)
  {
    vtkErrorMacro("Choose the manifest to write as File Name.");
    this->SetErrorCode(vtkErrorCode::NoFileNameError);
    return;
  }
  try
  {
    auto* collection = vtkPartitionedDataSetCollection::SafeDownCast(this->GetInput());
    const std::vector<vtkImageData*> images = FindImages(collection);
    tdl::Manifest manifest = StartManifest(collection->GetFieldData());
    tdl::RunWriter writer(this->FileName);
    for (std::size_t i = 0; i < images.size(); ++i)
    {
      AddInstance(images[i], manifest, writer);
      this->UpdateProgress(static_cast<double>(i + 1) / static_cast<double>(images.size()));
      if (this->CheckAbort())
      {
        return; // the writer removes what it wrote
      }
    }
    writer.Finish(manifest);
  }
  catch (const std::exception& e)
  {
    vtkErrorMacro(<< e.what());
    this->SetErrorCode(vtkErrorCode::CannotOpenFileError);
  }
}
