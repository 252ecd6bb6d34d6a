// SPDX-License-Identifier: BSD-3-Clause
#include "vtkFilmStrip.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Names.h"

#include "vtkDataArray.h"
#include "vtkFieldData.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkMultiProcessController.h"
#include "vtkObjectFactory.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkPointData.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkUnsignedCharArray.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace
{
constexpr unsigned char White = 255;

/** What every rank knows of an instance. Plain numbers, to be sent as such. */
struct InstanceInfo
{
  int Prompt;
  int Instance;
  int Width;
  int Height;
  int Components; // 0: there is no such image array
};

struct Row
{
  InstanceInfo Info;
  const unsigned char* Pixels; // null on other ranks than the one that holds the instance
  std::vector<int> Iterations; // of its images, there
  vtkIdType Bottom;            // lowest pixel row in the picture
};

struct Picture
{
  std::vector<Row> Rows;    // from the top
  std::vector<int> Columns; // iterations, from the left
  vtkIdType Width = 0;
  vtkIdType Height = 0;
  int Components = 0;
};

/** A number of an instance's field data; -1 where it is missing. */
int ReadNumber(vtkImageData* image, const char* name)
{
  vtkDataArray* array = image->GetFieldData()->GetArray(name);
  return array && array->GetNumberOfValues() > 0 ? static_cast<int>(array->GetComponent(0, 0)) : -1;
}

/** The iteration of each of an instance's images. */
std::vector<int> ReadIterations(vtkImageData* image)
{
  std::vector<int> iterations(image->GetDimensions()[2]);
  std::iota(iterations.begin(), iterations.end(), 0);
  vtkDataArray* array = image->GetFieldData()->GetArray(tdl::names::Iteration);
  if (array && array->GetNumberOfValues() == static_cast<vtkIdType>(iterations.size()))
  {
    for (int& iteration : iterations)
    {
      iteration = static_cast<int>(array->GetComponent(iteration, 0));
    }
  }
  return iterations;
}

/** The instances of this rank that are wanted. */
std::vector<Row> FindRows(
  vtkPartitionedDataSetCollection* collection, const std::set<int>& wanted, const char* arrayName)
{
  std::vector<Row> rows;
  for (unsigned int i = 0; i < collection->GetNumberOfPartitionedDataSets(); ++i)
  {
    for (unsigned int j = 0; j < collection->GetNumberOfPartitions(i); ++j)
    {
      auto* image = vtkImageData::SafeDownCast(collection->GetPartitionAsDataObject(i, j));
      if (!image)
      {
        continue;
      }
      const int instance = ReadNumber(image, tdl::names::Instance);
      if (wanted.empty() || wanted.count(instance) > 0)
      {
        auto* array =
          vtkUnsignedCharArray::SafeDownCast(image->GetPointData()->GetArray(arrayName));
        const int* size = image->GetDimensions();
        rows.push_back({ { ReadNumber(image, tdl::names::PromptId), instance, size[0], size[1],
                           array ? array->GetNumberOfComponents() : 0 },
          array ? array->GetPointer(0) : nullptr, ReadIterations(image), 0 });
      }
    }
  }
  return rows;
}

/** The numbers of all ranks, one rank after the other, and where each begins. */
std::vector<int> GatherNumbers(const int* numbers, vtkIdType length,
  std::vector<vtkIdType>& offsets, vtkMultiProcessController* controller)
{
  const int ranks = controller->GetNumberOfProcesses();
  std::vector<vtkIdType> lengths(ranks);
  controller->AllGather(&length, lengths.data(), 1);
  offsets.assign(ranks + 1, 0);
  std::partial_sum(lengths.begin(), lengths.end(), offsets.begin() + 1);
  std::vector<int> all(offsets.back());
  controller->AllGatherV(numbers, all.data(), length, lengths.data(), offsets.data());
  return all;
}

/** Adds the instances of the other ranks, so that all ranks lay out the same picture. */
void AddRowsOfOthers(std::vector<Row>& rows, vtkMultiProcessController* controller)
{
  constexpr vtkIdType numbers = sizeof(InstanceInfo) / sizeof(int);
  std::vector<InstanceInfo> mine;
  mine.reserve(rows.size());
  for (const Row& row : rows)
  {
    mine.push_back(row.Info);
  }
  std::vector<vtkIdType> offsets;
  const std::vector<int> gathered = GatherNumbers(reinterpret_cast<const int*>(mine.data()),
    static_cast<vtkIdType>(mine.size()) * numbers, offsets, controller);
  std::vector<InstanceInfo> all(gathered.size() / numbers);
  std::copy(gathered.begin(), gathered.end(), reinterpret_cast<int*>(all.data()));

  const auto begin = static_cast<std::size_t>(offsets[controller->GetLocalProcessId()] / numbers);
  for (std::size_t i = 0; i < all.size(); ++i)
  {
    if (i < begin || i >= begin + mine.size())
    {
      rows.push_back({ all[i], nullptr, {}, 0 });
    }
  }
}

void CheckRows(const std::vector<Row>& rows, const std::set<int>& wanted, const char* arrayName)
{
  for (const int instance : wanted)
  {
    if (std::none_of(rows.begin(), rows.end(),
          [instance](const Row& row) { return row.Info.Instance == instance; }))
    {
      throw tdl::ParameterError("There is no instance " + std::to_string(instance) +
        "; choose Instances from those of the input.");
    }
  }
  if (rows.empty())
  {
    throw tdl::DataError(
      "The input holds no images; connect a Diffusion Sampler or a Recorded Run Reader.");
  }
  const auto shape = [](const InstanceInfo& info)
  { return std::make_tuple(info.Width, info.Height, info.Components); };
  for (const Row& row : rows)
  {
    if (row.Info.Instance < 0 || row.Info.Prompt < 0)
    {
      throw tdl::DataError("The images lack the field data Instance or PromptId; connect a "
                           "Diffusion Sampler or a Recorded Run Reader.");
    }
    if (row.Info.Components != 1 && row.Info.Components != 3)
    {
      throw tdl::DataError("Instance " + std::to_string(row.Info.Instance) +
        " has no uint8 point array '" + arrayName +
        "' of 1 or 3 components; choose another Image Array.");
    }
    if (shape(row.Info) != shape(rows.front().Info))
    {
      throw tdl::DataError("The images of instance " + std::to_string(row.Info.Instance) +
        " differ from the others in size; choose Instances that are alike.");
    }
  }
}

/** The iterations of which there are images, in order. */
std::vector<int> FindIterations(const std::vector<Row>& rows, vtkMultiProcessController* controller)
{
  std::set<int> found;
  for (const Row& row : rows)
  {
    found.insert(row.Iterations.begin(), row.Iterations.end());
  }
  if (controller)
  {
    const std::vector<int> own(found.begin(), found.end());
    std::vector<vtkIdType> offsets;
    const std::vector<int> all =
      GatherNumbers(own.data(), static_cast<vtkIdType>(own.size()), offsets, controller);
    found.insert(all.begin(), all.end());
  }
  return { found.begin(), found.end() };
}

/** Places the rows and columns. */
Picture LayOut(std::vector<Row> rows, const std::vector<int>& iterations, int every)
{
  std::sort(rows.begin(), rows.end(),
    [](const Row& a, const Row& b) {
      return std::tie(a.Info.Prompt, a.Info.Instance) < std::tie(b.Info.Prompt, b.Info.Instance);
    });
  Picture picture;
  const InstanceInfo& info = rows.front().Info;
  for (std::size_t i = 0; i + 1 < iterations.size(); i += every)
  {
    picture.Columns.push_back(iterations[i]);
  }
  picture.Columns.push_back(iterations.back());

  const vtkIdType gutter = std::max(1, info.Height / 14);
  for (auto row = rows.rbegin(); row != rows.rend(); ++row)
  {
    if (row != rows.rbegin())
    {
      picture.Height += row->Info.Prompt == (row - 1)->Info.Prompt ? gutter : 4 * gutter;
    }
    row->Bottom = picture.Height;
    picture.Height += info.Height;
  }
  picture.Width = static_cast<vtkIdType>(picture.Columns.size()) * info.Width;
  picture.Components = info.Components;
  picture.Rows = std::move(rows);

  // No PNG decoder in wide use opens more, and no screen shows it.
  constexpr vtkIdType maximum = vtkIdType(1) << 30;
  if (picture.Width > maximum / picture.Height)
  {
    throw tdl::ParameterError("The picture would have " + std::to_string(picture.Width) + " x " +
      std::to_string(picture.Height) +
      " pixels, more than 2^30; choose fewer Instances or a larger Every.");
  }
  return picture;
}

/** Draws the rows of this rank. */
void Draw(const Picture& picture, unsigned char* pixels)
{
  const vtkIdType stride = picture.Width * picture.Components;
  for (const Row& row : picture.Rows)
  {
    if (!row.Pixels)
    {
      continue;
    }
    const vtkIdType line = static_cast<vtkIdType>(row.Info.Width) * picture.Components;
    unsigned char* tile = pixels + row.Bottom * stride;
    for (const int column : picture.Columns)
    {
      const auto slice = std::find(row.Iterations.begin(), row.Iterations.end(), column);
      if (slice != row.Iterations.end()) // else it is a hole, which stays white
      {
        const unsigned char* image =
          row.Pixels + (slice - row.Iterations.begin()) * row.Info.Height * line;
        for (int y = 0; y < row.Info.Height; ++y)
        {
          std::copy_n(image + y * line, line, tile + y * stride);
        }
      }
      tile += line;
    }
  }
}

Picture MakePicture(vtkInformation* inputInfo, const std::set<int>& wanted, int every,
  const std::string& arrayName, vtkMultiProcessController* controller)
{
  std::vector<Row> rows;
  if (auto* collection = vtkPartitionedDataSetCollection::GetData(inputInfo))
  {
    rows = FindRows(collection, wanted, arrayName.c_str());
  }
  if (controller)
  {
    AddRowsOfOthers(rows, controller);
  }
  CheckRows(rows, wanted, arrayName.c_str());
  const std::vector<int> iterations = FindIterations(rows, controller);
  if (iterations.empty())
  {
    throw tdl::DataError("The instances have no iterations; connect a Diffusion Sampler or a "
                         "Recorded Run Reader that has read some.");
  }
  return LayOut(std::move(rows), iterations, every);
}
}

vtkStandardNewMacro(vtkFilmStrip);

vtkFilmStrip::vtkFilmStrip()
  : ImageArray(tdl::names::Image)
{
}

void vtkFilmStrip::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Instances:";
  for (const int instance : this->Instances)
  {
    os << ' ' << instance;
  }
  os << "\n";
  os << indent << "Every: " << this->Every << "\n";
  os << indent << "ImageArray: " << this->ImageArray << "\n";
}

void vtkFilmStrip::AddInstance(int instance)
{
  this->Instances.insert(instance);
  this->Modified();
}

void vtkFilmStrip::RemoveAllInstances()
{
  this->Instances.clear();
  this->Modified();
}

int vtkFilmStrip::FillInputPortInformation(int, vtkInformation* info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkPartitionedDataSetCollection");
  return 1;
}

int vtkFilmStrip::RequestInformation(
  vtkInformation*, vtkInformationVector** inputs, vtkInformationVector* outputs)
{
  using Pipeline = vtkStreamingDemandDrivenPipeline;
  vtkMultiProcessController* controller = vtkMultiProcessController::GetGlobalController();
  int port = 0;
  vtkAlgorithm* producer = this->GetInputAlgorithm(0, 0, port);
  vtkInformation* request = producer->GetOutputInformation(port);
  request->Set(Pipeline::UPDATE_PIECE_NUMBER(), controller ? controller->GetLocalProcessId() : 0);
  request->Set(
    Pipeline::UPDATE_NUMBER_OF_PIECES(), controller ? controller->GetNumberOfProcesses() : 1);
  producer->Update(port);

  vtkInformation* info = outputs->GetInformationObject(0);
  int extent[6] = { 0, -1, 0, -1, 0, -1 };
  try
  {
    const Picture picture = MakePicture(inputs[0]->GetInformationObject(0), this->Instances,
      this->Every, this->ImageArray, controller);
    extent[1] = static_cast<int>(picture.Width) - 1;
    extent[3] = static_cast<int>(picture.Height) - 1;
    extent[5] = 0;
    vtkDataObject::SetPointDataActiveScalarInfo(info, VTK_UNSIGNED_CHAR, picture.Components);
  }
  catch (const tdl::Error&)
  {
    // RequestData meets it again and reports it, once.
  }
  info->Set(Pipeline::WHOLE_EXTENT(), extent, 6);
  return 1;
}

int vtkFilmStrip::RequestData(
  vtkInformation*, vtkInformationVector** inputs, vtkInformationVector* outputs)
{
  vtkMultiProcessController* controller = vtkMultiProcessController::GetGlobalController();
  auto* output = vtkImageData::GetData(outputs);
  try
  {
    const Picture picture = MakePicture(inputs[0]->GetInformationObject(0), this->Instances,
      this->Every, this->ImageArray, controller);
    vtkNew<vtkUnsignedCharArray> pixels;
    pixels->SetNumberOfComponents(picture.Components);
    pixels->SetNumberOfTuples(picture.Width * picture.Height);
    pixels->FillValue(White);
    Draw(picture, pixels->GetPointer(0));
    if (controller && controller->GetNumberOfProcesses() > 1)
    {
      // White, where a rank draws nothing, is the largest value.
      vtkNew<vtkUnsignedCharArray> all;
      controller->Reduce(pixels, all, vtkCommunicator::MIN_OP, 0);
      if (controller->GetLocalProcessId() > 0)
      {
        output->Initialize();
        return 1;
      }
      pixels->ShallowCopy(all);
    }
    pixels->SetName(tdl::names::Image);
    output->SetDimensions(static_cast<int>(picture.Width), static_cast<int>(picture.Height), 1);
    output->GetPointData()->SetScalars(pixels);
  }
  catch (const std::exception& e)
  {
    output->Initialize();
    vtkErrorMacro(<< e.what());
    return 0;
  }
  return 1;
}
