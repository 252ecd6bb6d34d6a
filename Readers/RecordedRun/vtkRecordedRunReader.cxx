// SPDX-License-Identifier: BSD-3-Clause
#include "vtkRecordedRunReader.h"

#include "Filters/Foundation/Error.h"
#include "Readers/Manifest/FieldData.h"
#include "Readers/RecordedRun/Core/ImageFile.h"

#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkObjectFactory.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkPointData.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkUnsignedCharArray.h"

#include <functional>
#include <numeric>

namespace
{
namespace fs = std::filesystem;

std::string Describe(const tdl::ImageSize& size)
{
  return std::to_string(size.Width) + " x " + std::to_string(size.Height) +
    (size.Components == 1 ? " gray" : " RGB");
}

/** The images of one array of an instance, one slice each. */
vtkSmartPointer<vtkUnsignedCharArray> ReadSlices(const std::vector<std::string>& files,
  const fs::path& folder, const tdl::ImageSize& size, const std::function<bool()>& goOn)
{
  auto array = vtkSmartPointer<vtkUnsignedCharArray>::New();
  array->SetNumberOfComponents(size.Components);
  array->SetNumberOfTuples(
    static_cast<vtkIdType>(size.Width) * size.Height * static_cast<vtkIdType>(files.size()));
  std::uint8_t* slice = array->GetPointer(0);
  for (const std::string& file : files)
  {
    const tdl::EncodedImage image = tdl::OpenImage(folder / file);
    if (!(image.Size == size))
    {
      throw tdl::FileError("The image " + image.File.string() + " is " + Describe(image.Size) +
        " but the first of the run is " + Describe(size) + "; give all the same size and color.");
    }
    tdl::DecodeImage(image, slice);
    slice += size.GetNumberOfBytes();
    if (!goOn())
    {
      return nullptr;
    }
  }
  return array;
}

void AddFieldData(
  vtkFieldData* fields, const tdl::Manifest& manifest, const tdl::ManifestInstance& instance)
{
  using namespace tdl;
  const int group = manifest.PromptGroup[instance.Prompt];
  std::vector<int> iterations(manifest.GetNumberOfIterations());
  std::iota(iterations.begin(), iterations.end(), 0);
  AddArray<vtkIntArray>(fields, names::Instance, std::vector<int>{ instance.Instance });
  AddArray<vtkIntArray>(fields, names::PromptId, std::vector<int>{ instance.Prompt });
  AddArray<vtkIntArray>(fields, names::GroupId, std::vector<int>{ group });
  AddArray<vtkTypeInt64Array>(fields, names::Seed, std::vector<std::int64_t>{ instance.Seed });
  AddArray<vtkIntArray>(fields, names::Iteration, iterations);
  AddArray<vtkDoubleArray>(fields, names::Timestep, manifest.Timestep);
  AddArray<vtkDoubleArray>(fields, names::Sigma, manifest.Sigma);
}
}

vtkStandardNewMacro(vtkRecordedRunReader);

vtkRecordedRunReader::vtkRecordedRunReader()
{
  this->SetNumberOfInputPorts(0);
}

vtkRecordedRunReader::~vtkRecordedRunReader()
{
  this->SetFileName(nullptr);
}

void vtkRecordedRunReader::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "FileName: " << (this->FileName ? this->FileName : "(none)") << "\n";
}

int vtkRecordedRunReader::CanReadFile(const char* fileName)
{
  return tdl::IsManifest(fileName, tdl::ManifestKind::Run);
}

int vtkRecordedRunReader::RequestInformation(
  vtkInformation*, vtkInformationVector**, vtkInformationVector* outputs)
{
  outputs->GetInformationObject(0)->Set(CAN_HANDLE_PIECE_REQUEST(), 1);
  return 1;
}

int vtkRecordedRunReader::RequestData(
  vtkInformation*, vtkInformationVector**, vtkInformationVector* outputs)
{
  if (!this->FileName || !*this->FileName)
  {
    vtkErrorMacro("Choose the manifest of a recorded run as File Name.");
    return 0;
  }
  vtkInformation* info = outputs->GetInformationObject(0);
  auto* output = vtkPartitionedDataSetCollection::GetData(info);
  const int piece = info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_PIECE_NUMBER());
  const int pieces = info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_NUMBER_OF_PIECES());
  try
  {
    const fs::path file(this->FileName);
    const fs::path folder = file.parent_path();
    const tdl::Manifest manifest = tdl::ReadManifest(file, tdl::ManifestKind::Run);
    const auto instances = static_cast<int>(manifest.Instances.size());
    const auto& firstImages = manifest.Instances.front().Images;
    const tdl::ImageSize size = tdl::OpenImage(folder / firstImages.begin()->second.front()).Size;

    const int begin = static_cast<int>(static_cast<vtkIdType>(instances) * piece / pieces);
    const int end = static_cast<int>(static_cast<vtkIdType>(instances) * (piece + 1) / pieces);
    const double total =
      static_cast<double>(end - begin) * firstImages.size() * manifest.GetNumberOfIterations();
    double done = 0.0;
    const auto goOn = [this, &done, total]
    {
      this->UpdateProgress(++done / total);
      return !this->GetAbortExecute(); // CheckAbort would have the pipeline empty the output
    };

    output->SetNumberOfPartitionedDataSets(static_cast<unsigned int>(instances));
    tdl::AddFieldData(output->GetFieldData(), manifest);
    for (int i = 0; i < instances; ++i)
    {
      const tdl::ManifestInstance& instance = manifest.Instances[i];
      output->GetMetaData(static_cast<unsigned int>(i))
        ->Set(vtkCompositeDataSet::NAME(),
          manifest.Prompts[instance.Prompt] + " " + std::to_string(instance.Instance));
      if (i < begin || i >= end)
      {
        continue;
      }
      vtkNew<vtkImageData> image;
      image->SetDimensions(size.Width, size.Height, manifest.GetNumberOfIterations());
      AddFieldData(image->GetFieldData(), manifest, instance);
      for (const auto& [name, files] : instance.Images)
      {
        const auto array = ReadSlices(files, folder, size, goOn);
        if (!array)
        {
          return 1; // stopped: the instances read so far are whole
        }
        array->SetName(name.c_str());
        image->GetPointData()->AddArray(array);
      }
      output->SetPartition(static_cast<unsigned int>(i), 0, image);
    }
  }
  catch (const std::exception& e)
  {
    output->Initialize();
    vtkErrorMacro(<< e.what());
    return 0;
  }
  return 1;
}
