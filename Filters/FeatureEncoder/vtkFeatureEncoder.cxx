// SPDX-License-Identifier: BSD-3-Clause
#include "vtkFeatureEncoder.h"

#include "Filters/FeatureEncoder/Core/FeatureEncoder.h"
#include "Filters/FeatureEncoder/Core/Thumbnails.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/FilterMonitor.h"
#include "Filters/Foundation/Names.h"
#include "Filters/Foundation/Processes.h"
#include "Filters/Foundation/Provenance.h"
#include "Filters/Foundation/Threads.h"
#include "Filters/Networks/Blas.h"
#include "Filters/Networks/DefaultModel.h"

#include "vtkCompositeDataIterator.h"
#include "vtkCompositeDataSet.h"
#include "vtkDataSetAttributes.h"
#include "vtkDoubleArray.h"
#include "vtkFloatArray.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPointData.h"
#include "vtkSmartPointer.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkStringArray.h"
#include "vtkTable.h"
#include "vtkTypeInt64Array.h"
#include "vtkUnsignedCharArray.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace
{
/** One row of the table to be. */
struct Element
{
  int Instance;
  int Iteration;
  int PromptId;
  int GroupId;
  vtkTypeInt64 Seed;
  double Timestep;
  double Sigma;
  const unsigned char* Pixels; // of the lowest row
  int Width;
  int Height;
  int Components;
  const float* Activations; // null where they are not wanted
};

/** The field data `name` of an instance's images with one value or one per iteration. */
vtkDataArray* FindFieldData(vtkImageData* image, const char* name, vtkIdType values)
{
  vtkDataArray* array = image->GetFieldData()->GetArray(name);
  if (!array || array->GetNumberOfValues() != values)
  {
    throw tdl::DataError(std::string("An instance's images lack the field data ") + name + " of " +
      std::to_string(values) + " values; connect a Diffusion Sampler or a Recorded Run Reader.");
  }
  return array;
}

/** What the network that made an instance's images had in its middle. */
vtkFloatArray* FindActivations(vtkImageData* image, int instance)
{
  auto* array =
    vtkFloatArray::SafeDownCast(image->GetFieldData()->GetArray(tdl::names::Activations));
  if (!array || array->GetNumberOfTuples() != image->GetDimensions()[2])
  {
    throw tdl::DataError("Instance " + std::to_string(instance) +
      " has no activations of each iteration; switch on Capture Activations of the Diffusion "
      "Sampler, or choose another Encoder.");
  }
  return array;
}

/**
 * The images of one instance.
 * @param channels those of the activations, 0 before the first instance; null: activations are not
 *        wanted.
 */
void AddElements(
  std::vector<Element>& elements, vtkImageData* image, const char* imageArray, int* channels)
{
  using namespace tdl;
  const int* size = image->GetDimensions();
  const auto number = [image](const char* name)
  { return static_cast<int>(FindFieldData(image, name, 1)->GetComponent(0, 0)); };
  Element element{};
  element.Instance = number(names::Instance);
  element.PromptId = number(names::PromptId);
  element.GroupId = number(names::GroupId);
  element.Seed = FindFieldData(image, names::Seed, 1)->GetVariantValue(0).ToTypeInt64();
  vtkDataArray* iterations = FindFieldData(image, names::Iteration, size[2]);
  vtkDataArray* timesteps = FindFieldData(image, names::Timestep, size[2]);
  vtkDataArray* sigmas = FindFieldData(image, names::Sigma, size[2]);
  auto* pixels = vtkUnsignedCharArray::SafeDownCast(image->GetPointData()->GetArray(imageArray));
  if (!pixels)
  {
    throw DataError("Instance " + std::to_string(element.Instance) + " has no uint8 point array '" +
      imageArray + "'; choose another Image Array.");
  }
  element.Width = size[0];
  element.Height = size[1];
  element.Components = pixels->GetNumberOfComponents();
  vtkFloatArray* activations = channels ? FindActivations(image, element.Instance) : nullptr;
  if (activations)
  {
    if (*channels > 0 && activations->GetNumberOfComponents() != *channels)
    {
      throw DataError("The activations of instance " + std::to_string(element.Instance) +
        " have other channels than those before; connect the images of one model.");
    }
    *channels = activations->GetNumberOfComponents();
  }
  for (int k = 0; k < size[2]; ++k)
  {
    element.Iteration = static_cast<int>(iterations->GetComponent(k, 0));
    element.Timestep = timesteps->GetComponent(k, 0);
    element.Sigma = sigmas->GetComponent(k, 0);
    element.Pixels =
      pixels->GetPointer(static_cast<vtkIdType>(k) * size[0] * size[1] * element.Components);
    element.Activations =
      activations ? activations->GetPointer(static_cast<vtkIdType>(k) * *channels) : nullptr;
    elements.push_back(element);
  }
}

std::vector<Element> FindElements(
  vtkCompositeDataSet* collection, const char* imageArray, int* channels)
{
  std::vector<Element> elements;
  const auto iterator = vtk::TakeSmartPointer(collection->NewIterator());
  for (iterator->InitTraversal(); !iterator->IsDoneWithTraversal(); iterator->GoToNextItem())
  {
    if (auto* image = vtkImageData::SafeDownCast(iterator->GetCurrentDataObject()))
    {
      AddElements(elements, image, imageArray, channels);
    }
  }
  std::sort(elements.begin(), elements.end(),
    [](const Element& a, const Element& b)
    { return std::tie(a.Instance, a.Iteration) < std::tie(b.Instance, b.Iteration); });
  return elements;
}

/** The images upright: VTK keeps rows from the bottom. */
std::vector<tdl::ImageView> Views(const std::vector<Element>& elements)
{
  std::vector<tdl::ImageView> views;
  for (const Element& element : elements)
  {
    const std::ptrdiff_t stride = static_cast<std::ptrdiff_t>(element.Width) * element.Components;
    views.push_back({ element.Pixels + (element.Height - 1) * stride, -stride, element.Width,
      element.Height, element.Components });
  }
  return views;
}

/** A column with one member of each element. */
template <typename Array, typename Value>
void AddColumn(
  vtkTable* table, const char* name, const std::vector<Element>& elements, Value Element::*member)
{
  vtkNew<Array> array;
  array->SetName(name);
  array->SetNumberOfValues(static_cast<vtkIdType>(elements.size()));
  for (std::size_t i = 0; i < elements.size(); ++i)
  {
    array->SetValue(static_cast<vtkIdType>(i), elements[i].*member);
  }
  table->GetRowData()->AddArray(array);
}

void AddFeatures(vtkTable* table, const tdl::EncodedImages& encoded)
{
  vtkNew<vtkFloatArray> features;
  features->SetName(tdl::names::Features);
  features->SetNumberOfComponents(encoded.Dimension);
  features->SetNumberOfTuples(static_cast<vtkIdType>(encoded.Features.size()) / encoded.Dimension);
  std::copy(encoded.Features.begin(), encoded.Features.end(), features->GetPointer(0));
  table->GetRowData()->AddArray(features);
}

void AddThumbnails(vtkTable* table, std::vector<tdl::ImageView> views, int size, int threads)
{
  for (tdl::ImageView& view : views) // back to rows from the bottom
  {
    view.TopRow = view.Pixel(0, view.Height - 1);
    view.RowStride = -view.RowStride;
  }
  const tdl::Thumbnails thumbnails = tdl::MakeThumbnails(views, size, threads);
  vtkNew<vtkUnsignedCharArray> pixels;
  pixels->SetName(tdl::names::Thumbnails);
  pixels->SetNumberOfComponents(thumbnails.Width * thumbnails.Height * thumbnails.Channels);
  pixels->SetNumberOfTuples(static_cast<vtkIdType>(views.size()));
  std::copy(thumbnails.Pixels.begin(), thumbnails.Pixels.end(), pixels->GetPointer(0));
  table->GetFieldData()->AddArray(pixels);

  vtkNew<vtkIntArray> shape;
  shape->SetName(tdl::names::ThumbnailSize);
  shape->InsertNextValue(thumbnails.Width);
  shape->InsertNextValue(thumbnails.Height);
  shape->InsertNextValue(thumbnails.Channels);
  table->GetFieldData()->AddArray(shape);

  vtkNew<vtkIntArray> ids;
  ids->SetName(tdl::names::ThumbnailId);
  for (int i = 0; i < static_cast<int>(views.size()); ++i)
  {
    ids->InsertNextValue(i);
  }
  table->GetRowData()->AddArray(ids);
}

/** What the elements were made of; no prompts where the collection tells none. */
tdl::ImageOrigins Origins(
  vtkFieldData* fields, const std::vector<Element>& elements, int activationChannels)
{
  tdl::ImageOrigins origins;
  auto* texts = vtkStringArray::SafeDownCast(fields->GetAbstractArray(tdl::names::Prompts));
  for (vtkIdType i = 0; texts && i < texts->GetNumberOfValues(); ++i)
  {
    origins.Prompts.push_back(texts->GetValue(i));
  }
  for (const Element& element : elements)
  {
    origins.PromptOfImages.push_back(element.PromptId);
    if (element.Activations)
    {
      origins.Activations.push_back(element.Activations);
    }
  }
  origins.ActivationChannels = activationChannels;
  return origins;
}

void AddPromptSimilarities(vtkTable* table, const std::vector<float>& similarities)
{
  if (similarities.empty())
  {
    return;
  }
  vtkNew<vtkFloatArray> array;
  array->SetName(tdl::names::PromptSimilarity);
  array->SetNumberOfValues(static_cast<vtkIdType>(similarities.size()));
  std::copy(similarities.begin(), similarities.end(), array->GetPointer(0));
  table->GetRowData()->AddArray(array);
}

/**
 * Adds the encoder's part to what is told of the images' origin.
 * @param array that the features are of; empty where they are not of the images.
 */
void TellProvenance(vtkFieldData* fields, const std::string& encoder, const std::string& array)
{
  nlohmann::json part = nlohmann::json::parse(encoder);
  if (!array.empty())
  {
    part["image_array"] = array;
  }
  tdl::ExtendProvenance(fields, "images", "encoder", part);
}
}

vtkStandardNewMacro(vtkFeatureEncoder);

vtkFeatureEncoder::vtkFeatureEncoder()
  : ImageArray(tdl::names::Image)
{
  const tdl::EncoderParameters defaults;
  this->Encoder = static_cast<int>(defaults.Encoder);
  this->FeatureOutput = static_cast<int>(defaults.Output);
  this->Layer = defaults.Layer;
  this->Normalization = static_cast<int>(defaults.Normalization);
  this->Components = defaults.Components;
  this->Device = static_cast<int>(defaults.Device);
  this->DeviceIndex = defaults.DeviceIndex;
  this->Threads = defaults.Threads;
  this->BatchSize = defaults.BatchSize;
}

void vtkFeatureEncoder::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Encoder: " << this->Encoder << "\n";
  os << indent << "EncoderFolder: " << this->EncoderFolder << "\n";
  os << indent << "ImageArray: " << this->ImageArray << "\n";
  os << indent << "FeatureOutput: " << this->FeatureOutput << "\n";
  os << indent << "Layer: " << this->Layer << "\n";
  os << indent << "Normalization: " << this->Normalization << "\n";
  os << indent << "Components: " << this->Components << "\n";
  os << indent << "ThumbnailSize: " << this->ThumbnailSize << "\n";
  os << indent << "Device: " << this->Device << "\n";
  os << indent << "DeviceIndex: " << this->DeviceIndex << "\n";
  os << indent << "Threads: " << this->Threads << "\n";
  os << indent << "BatchSize: " << this->BatchSize << "\n";
}

int vtkFeatureEncoder::FillInputPortInformation(int, vtkInformation* info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkPartitionedDataSetCollection");
  info->Append(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkMultiBlockDataSet");
  return 1;
}

int vtkFeatureEncoder::RequestData(
  vtkInformation*, vtkInformationVector** inputs, vtkInformationVector* outputs)
{
  vtkInformation* info = outputs->GetInformationObject(0);
  auto* output = vtkTable::GetData(info);
  return tdl::FillTogether(this, info,
    [&]
    {
      this->Encode(vtkCompositeDataSet::GetData(inputs[0]),
        info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_NUMBER_OF_PIECES()) > 1, output);
    });
}

void vtkFeatureEncoder::Encode(vtkCompositeDataSet* input, bool parallel, vtkTable* output)
{
  tdl::EncoderParameters parameters;
  parameters.Encoder = static_cast<tdl::EncoderKind>(this->Encoder);
  parameters.EncoderFolder =
    this->EncoderFolder.empty() ? tdl::DefaultModelFolder("FashionEncoder") : this->EncoderFolder;
  parameters.Output = static_cast<tdl::FeatureOutput>(this->FeatureOutput);
  parameters.Layer = this->Layer;
  parameters.Components = this->Components;
  parameters.Normalization = static_cast<tdl::FeatureNormalization>(this->Normalization);
  parameters.Device = static_cast<tdl::DeviceKind>(this->Device);
  parameters.DeviceIndex = this->DeviceIndex;
  parameters.Threads = this->Threads;
  parameters.BatchSize = this->BatchSize;

  if (parallel &&
    (this->Encoder == PCA || this->Normalization == STANDARDIZED ||
      this->Normalization == COMPONENTS))
  {
    throw tdl::ParameterError("PCA and standardized features need all images in one process; "
                              "choose another Encoder or Normalization, or run without MPI.");
  }
  std::vector<Element> elements;
  int activationChannels = 0;
  if (input)
  {
    elements = FindElements(input, this->ImageArray.c_str(),
      this->Encoder == ACTIVATIONS ? &activationChannels : nullptr);
  }
  if (parallel && elements.empty())
  {
    return; // other processes have the instances
  }
  static std::once_flag blasChecked;
  if (this->Encoder == MODEL)
  {
    std::call_once(blasChecked,
      [this]
      {
        const std::string warning = tdl::PrepareBlas();
        if (!warning.empty())
        {
          vtkWarningMacro(<< warning);
        }
      });
  }
  std::vector<tdl::ImageView> views = Views(elements);
  const tdl::ImageOrigins origins =
    input ? Origins(input->GetFieldData(), elements, activationChannels) : tdl::ImageOrigins{};
  const tdl::EncodedImages encoded =
    tdl::EncodeImages(views, origins, parameters, tdl::MonitorOf(this));
  const std::size_t rows = encoded.Features.size() / encoded.Dimension;
  tdl::ServeAbort(this, rows == 0);
  elements.resize(rows);
  views.resize(rows);

  using namespace tdl;
  AddColumn<vtkIntArray>(output, names::Instance, elements, &Element::Instance);
  AddColumn<vtkIntArray>(output, names::Iteration, elements, &Element::Iteration);
  AddColumn<vtkIntArray>(output, names::PromptId, elements, &Element::PromptId);
  AddColumn<vtkIntArray>(output, names::GroupId, elements, &Element::GroupId);
  AddColumn<vtkTypeInt64Array>(output, names::Seed, elements, &Element::Seed);
  AddColumn<vtkDoubleArray>(output, names::Timestep, elements, &Element::Timestep);
  AddColumn<vtkDoubleArray>(output, names::Sigma, elements, &Element::Sigma);
  AddFeatures(output, encoded);
  AddPromptSimilarities(output, encoded.PromptSimilarities);
  output->GetFieldData()->PassData(input->GetFieldData());
  TellProvenance(output->GetFieldData(), encoded.Provenance,
    this->Encoder == ACTIVATIONS ? std::string() : this->ImageArray);
  if (this->ThumbnailSize > 0 && rows > 0)
  {
    AddThumbnails(output, std::move(views), this->ThumbnailSize, ResolveThreads(this->Threads));
  }
}
