// SPDX-License-Identifier: BSD-3-Clause
#include "vtkRecordedRunReader.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/ForEach.h"
#include "Filters/Foundation/Memory.h"
#include "Filters/Foundation/Processes.h"
#include "Filters/Foundation/Threads.h"
#include "Readers/Arrays/ArrayFile.h"
#include "Readers/Manifest/FieldData.h"
#include "Readers/RecordedRun/Core/RecordedRun.h"

#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkObjectFactory.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkPointData.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkUnsignedCharArray.h"

#include <algorithm>
#include <string>
#include <vector>

namespace
{
namespace fs = std::filesystem;

/** An instance to read: its index in the manifest and the iterations that are there. */
struct Wanted
{
  int Index;
  std::vector<int> Iterations;
};

struct Plan
{
  std::vector<Wanted> Instances;
  std::vector<tdl::ManifestElement> Holes;
  std::size_t Elements = 0; // with the holes
};

Plan MakePlan(const tdl::RecordedRun& run, const tdl::RunChoice& choice)
{
  const tdl::Manifest& about = run.Description();
  const std::vector<int> iterations = choice.ChooseIterations(about.GetNumberOfIterations());
  Plan plan;
  for (const int i : choice.ChooseInstances(about.Instances))
  {
    Wanted wanted{ i, {} };
    for (const int k : iterations)
    {
      if (run.Has(i, k))
      {
        wanted.Iterations.push_back(k);
      }
      else
      {
        plan.Holes.push_back({ about.Instances[static_cast<std::size_t>(i)].Instance, k });
      }
    }
    plan.Elements += iterations.size();
    plan.Instances.push_back(std::move(wanted));
  }
  return plan;
}

std::size_t CountImages(const Plan& plan)
{
  return plan.Elements - plan.Holes.size();
}

std::string DescribePlan(const tdl::RecordedRun& run, const Plan& plan)
{
  const tdl::ImageSize& size = run.Size();
  const std::string holes = tdl::DescribeHoles(plan.Holes, plan.Elements);
  return std::to_string(plan.Instances.size()) + " instances, " +
    std::to_string(CountImages(plan)) + " elements of " + std::to_string(size.Width) + " x " +
    std::to_string(size.Height) + (size.Components == 1 ? " gray" : " RGB") + " pixels, " +
    tdl::FormatBytes(run.Memory(CountImages(plan))) + " of memory. Read: " + run.Reading() + "." +
    (holes.empty() ? "" : " " + holes + ".");
}

std::vector<double> Select(const std::vector<double>& values, const std::vector<int>& iterations)
{
  std::vector<double> selected;
  selected.reserve(iterations.size());
  for (const int k : iterations)
  {
    selected.push_back(values[static_cast<std::size_t>(k)]);
  }
  return selected;
}

void AddFieldData(vtkFieldData* fields, const tdl::Manifest& manifest,
  const tdl::ManifestInstance& instance, const std::vector<int>& iterations)
{
  using namespace tdl;
  const int group = manifest.PromptGroup[instance.Prompt];
  AddArray<vtkIntArray>(fields, names::Instance, std::vector<int>{ instance.Instance });
  AddArray<vtkIntArray>(fields, names::PromptId, std::vector<int>{ instance.Prompt });
  AddArray<vtkIntArray>(fields, names::GroupId, std::vector<int>{ group });
  AddArray<vtkTypeInt64Array>(fields, names::Seed, std::vector<std::int64_t>{ instance.Seed });
  AddArray<vtkIntArray>(fields, names::Iteration, iterations);
  AddArray<vtkDoubleArray>(
    fields, names::Timestep, Select(manifest.GetTimestep(instance), iterations));
  AddArray<vtkDoubleArray>(fields, names::Sigma, Select(manifest.GetSigma(instance), iterations));
}

/** An instance's images, not yet read, and where they go. */
vtkSmartPointer<vtkImageData> Allocate(
  const tdl::RecordedRun& run, const Wanted& wanted, std::vector<std::uint8_t*>& places)
{
  const tdl::ImageSize& size = run.Size();
  const auto count = static_cast<int>(wanted.Iterations.size());
  auto image = vtkSmartPointer<vtkImageData>::New();
  image->SetDimensions(size.Width, size.Height, count);
  const tdl::Manifest& about = run.Description();
  AddFieldData(image->GetFieldData(), about, about.Instances[wanted.Index], wanted.Iterations);
  for (const std::string& name : run.Arrays())
  {
    vtkNew<vtkUnsignedCharArray> array;
    array->SetName(name.c_str());
    array->SetNumberOfComponents(size.Components);
    array->SetNumberOfTuples(static_cast<vtkIdType>(size.Width) * size.Height * count);
    for (int slice = 0; slice < count; ++slice)
    {
      places.push_back(array->GetPointer(0) + slice * size.GetNumberOfBytes());
    }
    image->GetPointData()->AddArray(array);
  }
  return image;
}

/** Whether a folder or one in it holds an image; looks at the first few hundred entries. */
bool HoldsImages(const fs::path& folder)
{
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (int i = 0; i < 300 && !error && entry != fs::recursive_directory_iterator(); ++i)
  {
    if (tdl::IsImageFile(entry->path()))
    {
      return true;
    }
    entry.increment(error);
  }
  return false;
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
  this->SetManifestFile(nullptr);
}

void vtkRecordedRunReader::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  const auto text = [](const char* value) { return value ? value : "(none)"; };
  os << indent << "FileName: " << text(this->FileName) << "\n";
  os << indent << "ManifestFile: " << text(this->ManifestFile) << "\n";
  os << indent << "NamePattern: " << this->NamePattern << "\n";
  os << indent << "ArrayName: " << this->ArrayName << "\n";
  os << indent << "Dimensions: " << this->Dimensions << "\n";
  os << indent << "ValueRange: " << this->ValueRange << "\n";
  os << indent << "StoredImageSize: " << this->StoredImageSize << "\n";
  os << indent << "Instances:";
  for (const int instance : this->Instances)
  {
    os << ' ' << instance;
  }
  os << "\n";
  os << indent << "FirstIteration: " << this->FirstIteration << "\n";
  os << indent << "LastIteration: " << this->LastIteration << "\n";
  os << indent << "Every: " << this->Every << "\n";
  os << indent << "Threads: " << this->Threads << "\n";
  os << indent << "Contents: " << this->Contents << "\n";
}

void vtkRecordedRunReader::AddInstance(int instance)
{
  this->Instances.insert(instance);
  this->Modified();
}

void vtkRecordedRunReader::RemoveAllInstances()
{
  this->Instances.clear();
  this->Modified();
}

int vtkRecordedRunReader::CanReadFile(const char* fileName)
{
  std::error_code ignored;
  if (fs::is_directory(fileName, ignored))
  {
    return HoldsImages(fileName);
  }
  if (!tdl::IsArrayFile(fileName))
  {
    return tdl::IsManifest(fileName, tdl::ManifestKind::Run);
  }
  try
  {
    tdl::RunSource source;
    source.File = fileName;
    return !tdl::RecordedRun(source).IsUnlikely();
  }
  catch (const std::exception&)
  {
    return 0;
  }
}

std::unique_ptr<tdl::RecordedRun> vtkRecordedRunReader::OpenRun() const
{
  tdl::RunSource source;
  source.File = this->FileName;
  source.ManifestFile = this->ManifestFile ? this->ManifestFile : "";
  source.NamePattern = this->NamePattern;
  source.ArrayName = this->ArrayName;
  source.Dimensions = this->Dimensions;
  source.Range = static_cast<tdl::ValueRange>(this->ValueRange);
  source.StoredImageSize = this->StoredImageSize;
  return std::make_unique<tdl::RecordedRun>(source);
}

tdl::RunChoice vtkRecordedRunReader::MakeChoice() const
{
  return { this->Instances, this->FirstIteration, this->LastIteration, this->Every };
}

int vtkRecordedRunReader::RequestInformation(
  vtkInformation*, vtkInformationVector**, vtkInformationVector* outputs)
{
  outputs->GetInformationObject(0)->Set(CAN_HANDLE_PIECE_REQUEST(), 1);
  this->Run.reset();
  this->Contents.clear();
  if (!this->FileName || !*this->FileName)
  {
    return 1;
  }
  try
  {
    this->Run = this->OpenRun();
    this->RunTime = this->GetMTime();
    this->Contents = DescribePlan(*this->Run, MakePlan(*this->Run, this->MakeChoice()));
  }
  catch (const std::exception& e)
  {
    this->Run.reset();
    this->Contents = e.what(); // RequestData meets it again and reports it, once
  }
  return 1;
}

int vtkRecordedRunReader::RequestData(
  vtkInformation*, vtkInformationVector**, vtkInformationVector* outputs)
{
  if (!this->FileName || !*this->FileName)
  {
    vtkErrorMacro("Choose a manifest, an array file or a folder of images as File Name.");
    return 0;
  }
  vtkInformation* info = outputs->GetInformationObject(0);
  auto* output = vtkPartitionedDataSetCollection::GetData(info);
  return tdl::FillTogether(this, info,
    [&]
    {
      this->ReadPiece(info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_PIECE_NUMBER()),
        info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_NUMBER_OF_PIECES()), output);
    });
}

void vtkRecordedRunReader::ReadPiece(int piece, int pieces, vtkPartitionedDataSetCollection* output)
{
  const int threads = tdl::ResolveThreads(this->Threads);
  const std::unique_ptr<tdl::RecordedRun> run =
    this->Run && this->RunTime == this->GetMTime() ? std::move(this->Run) : this->OpenRun();
  const tdl::Manifest& about = run->Description();
  const Plan plan = MakePlan(*run, this->MakeChoice());
  this->Contents = DescribePlan(*run, plan);
  if (CountImages(plan) == 0)
  {
    throw tdl::FileError("Of " + std::string(this->FileName) +
      " no element that was chosen is there; choose other Instances or iterations.");
  }
  const auto instances = static_cast<int>(plan.Instances.size());
  const int begin = static_cast<int>(static_cast<vtkIdType>(instances) * piece / pieces);
  const int end = static_cast<int>(static_cast<vtkIdType>(instances) * (piece + 1) / pieces);
  std::size_t elements = 0;
  for (int i = begin; i < end; ++i)
  {
    elements += plan.Instances[i].Iterations.size();
  }
  tdl::RequireMemory("What is to be read needs", run->Memory(elements),
    "choose fewer Instances, a larger Every or a smaller Stored Image Size");
  if (!plan.Holes.empty())
  {
    vtkWarningMacro(<< tdl::DescribeHoles(plan.Holes, plan.Elements) << "; they are left out of "
                    << this->FileName << ".");
  }

  output->SetNumberOfPartitionedDataSets(static_cast<unsigned int>(instances));
  tdl::AddFieldData(output->GetFieldData(), about);
  for (int i = 0; i < instances; ++i)
  {
    const tdl::ManifestInstance& instance = about.Instances[plan.Instances[i].Index];
    output->GetMetaData(static_cast<unsigned int>(i))
      ->Set(vtkCompositeDataSet::NAME(),
        about.Prompts[instance.Prompt] + " " + std::to_string(instance.Instance));
  }
  // Some instances together, so that all threads have work and a stop is heard soon.
  const std::size_t arrays = run->Arrays().size();
  const std::size_t together = 16ul * threads;
  std::size_t done = 0;
  for (int i = begin; i < end;)
  {
    struct Job
    {
      const std::string* Array;
      int Instance;
      int Iteration;
    };
    std::vector<Job> jobs;
    std::vector<std::uint8_t*> places;
    std::vector<std::pair<int, vtkSmartPointer<vtkImageData>>> images;
    for (; i < end && jobs.size() < together; ++i)
    {
      const Wanted& wanted = plan.Instances[i];
      if (wanted.Iterations.empty())
      {
        continue;
      }
      images.emplace_back(i, Allocate(*run, wanted, places));
      for (const std::string& array : run->Arrays())
      {
        for (const int k : wanted.Iterations)
        {
          jobs.push_back({ &array, wanted.Index, k });
        }
      }
    }
    for (std::size_t first = 0; first < jobs.size(); first += together)
    {
      const std::size_t count = std::min(together, jobs.size() - first);
      tdl::ForEach(static_cast<int>(count), threads,
        [&](int j)
        {
          const Job& job = jobs[first + j];
          run->Read(*job.Array, job.Instance, job.Iteration, places[first + j]);
        });
      done += count;
      this->UpdateProgress(static_cast<double>(done) / (elements * arrays));
      // CheckAbort would have the pipeline empty the output.
      if (this->GetAbortExecute() && first + count < jobs.size())
      {
        return; // stopped: the instances read so far are whole
      }
    }
    for (const auto& [index, image] : images)
    {
      output->SetPartition(static_cast<unsigned int>(index), 0, image);
    }
    if (this->GetAbortExecute())
    {
      return;
    }
  }
}
