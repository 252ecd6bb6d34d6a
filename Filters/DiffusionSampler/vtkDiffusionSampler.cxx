// SPDX-License-Identifier: BSD-3-Clause
#include "vtkDiffusionSampler.h"

#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"
#include "Filters/Foundation/FilterMonitor.h"
#include "Filters/Foundation/Names.h"
#include "Filters/Foundation/Processes.h"
#include "Filters/Networks/Blas.h"
#include "Filters/Networks/DefaultModel.h"

#include "vtkDoubleArray.h"
#include "vtkFieldData.h"
#include "vtkFloatArray.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkPointData.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkStringArray.h"
#include "vtkTypeInt64Array.h"
#include "vtkUnsignedCharArray.h"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <string>

namespace
{
template <typename Array, typename Value>
void AddArray(vtkFieldData* fields, const char* name, const std::vector<Value>& values)
{
  vtkNew<Array> array;
  array->SetName(name);
  array->SetNumberOfValues(static_cast<vtkIdType>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
  {
    array->SetValue(static_cast<vtkIdType>(i), values[i]);
  }
  fields->AddArray(array);
}

void AddPixels(
  vtkImageData* image, const char* name, const std::vector<std::uint8_t>& pixels, int components)
{
  if (pixels.empty())
  {
    return;
  }
  vtkNew<vtkUnsignedCharArray> array;
  array->SetName(name);
  array->SetNumberOfComponents(components);
  array->SetNumberOfTuples(image->GetNumberOfPoints());
  std::copy(pixels.begin(), pixels.end(), array->GetPointer(0));
  image->GetPointData()->AddArray(array);
}

void AddActivations(vtkFieldData* fields, const std::vector<float>& values, int channels)
{
  if (values.empty())
  {
    return;
  }
  vtkNew<vtkFloatArray> array;
  array->SetName(tdl::names::Activations);
  array->SetNumberOfComponents(channels);
  array->SetNumberOfTuples(static_cast<vtkIdType>(values.size()) / channels);
  std::copy(values.begin(), values.end(), array->GetPointer(0));
  fields->AddArray(array);
}

vtkSmartPointer<vtkImageData> MakeImage(
  const tdl::SampledImages& images, const tdl::SampledInstance& instance)
{
  using namespace tdl;
  std::vector<int> iterations(images.Timesteps.size());
  std::iota(iterations.begin(), iterations.end(), 0);

  auto image = vtkSmartPointer<vtkImageData>::New();
  image->SetDimensions(images.Width, images.Height, static_cast<int>(iterations.size()));
  AddPixels(image, names::Image, instance.Image, images.Components);
  AddPixels(image, names::PredictedImage, instance.PredictedImage, images.Components);
  AddPixels(image, names::PredictedNoise, instance.PredictedNoise, images.Components);

  vtkFieldData* fields = image->GetFieldData();
  AddArray<vtkIntArray>(fields, names::Instance, std::vector<int>{ instance.Instance });
  AddArray<vtkIntArray>(fields, names::PromptId, std::vector<int>{ instance.PromptId });
  AddArray<vtkIntArray>(
    fields, names::GroupId, std::vector<int>{ images.PromptGroups[instance.PromptId] });
  AddArray<vtkTypeInt64Array>(fields, names::Seed, std::vector<std::int64_t>{ instance.Seed });
  AddArray<vtkIntArray>(fields, names::Iteration, iterations);
  AddArray<vtkDoubleArray>(fields, names::Timestep, images.Timesteps);
  AddArray<vtkDoubleArray>(fields, names::Sigma, images.Sigmas);
  AddActivations(fields, instance.Activations, images.ActivationChannels);
  return image;
}
}

static_assert(vtkDiffusionSampler::MODELS_OWN == static_cast<int>(tdl::SchedulerKind::ModelsOwn),
  "the enumerations list the same schedulers");
static_assert(
  vtkDiffusionSampler::TILED_AUTOENCODER == static_cast<int>(tdl::LatentDecoding::TiledAutoencoder),
  "the enumerations list the same decodings");

static_assert(vtkDiffusionSampler::HALF == static_cast<int>(tdl::PrecisionKind::Half),
  "the enumerations list the same precisions");

vtkStandardNewMacro(vtkDiffusionSampler);

vtkDiffusionSampler::vtkDiffusionSampler()
{
  const tdl::SamplerParameters defaults;
  this->InstancesPerPrompt = defaults.InstancesPerPrompt;
  this->Seed = defaults.Seed;
  this->InferenceSteps = defaults.InferenceSteps;
  this->Scheduler = static_cast<int>(defaults.Scheduler);
  this->GuidanceScale = defaults.GuidanceScale;
  this->CaptureNoisyImage = defaults.CaptureNoisyImage;
  this->CapturePredictedImage = defaults.CapturePredictedImage;
  this->CapturePredictedNoise = defaults.CapturePredictedNoise;
  this->CaptureActivations = defaults.CaptureActivations;
  this->CaptureEvery = defaults.CaptureEvery;
  this->LatentDecoding = static_cast<int>(defaults.Decoding);
  this->UpsampleCapturedImages = defaults.UpsampleCapturedImages;
  this->StoredImageSize = defaults.StoredImageSize;
  this->Device = static_cast<int>(defaults.Device);
  this->DeviceIndex = defaults.DeviceIndex;
  this->Precision = static_cast<int>(defaults.Precision);
  this->Threads = defaults.Threads;
  this->BatchSize = defaults.BatchSize;
  this->SetNumberOfInputPorts(0);
}

void vtkDiffusionSampler::AddPrompt(const char* prompt)
{
  this->Prompts.emplace_back(prompt ? prompt : "");
  this->Modified();
}

void vtkDiffusionSampler::RemoveAllPrompts()
{
  this->Prompts.clear();
  this->Modified();
}

void vtkDiffusionSampler::AddCaptureStep(int step)
{
  this->CaptureSteps.push_back(step);
  this->Modified();
}

void vtkDiffusionSampler::RemoveAllCaptureSteps()
{
  this->CaptureSteps.clear();
  this->Modified();
}

void vtkDiffusionSampler::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "ModelFolder: " << this->ModelFolder << "\n";
  os << indent << "Prompts:";
  for (const std::string& prompt : this->Prompts)
  {
    os << " '" << prompt << "'";
  }
  os << "\n";
  os << indent << "PromptFile: " << this->PromptFile << "\n";
  os << indent << "InstancesPerPrompt: " << this->InstancesPerPrompt << "\n";
  os << indent << "Seed: " << this->Seed << "\n";
  os << indent << "InferenceSteps: " << this->InferenceSteps << "\n";
  os << indent << "Scheduler: " << this->Scheduler << "\n";
  os << indent << "GuidanceScale: " << this->GuidanceScale << "\n";
  os << indent << "NegativePrompt: " << this->NegativePrompt << "\n";
  os << indent << "CaptureNoisyImage: " << this->CaptureNoisyImage << "\n";
  os << indent << "CapturePredictedImage: " << this->CapturePredictedImage << "\n";
  os << indent << "CapturePredictedNoise: " << this->CapturePredictedNoise << "\n";
  os << indent << "CaptureActivations: " << this->CaptureActivations << "\n";
  os << indent << "CaptureEvery: " << this->CaptureEvery << "\n";
  os << indent << "CaptureSteps:";
  for (const int step : this->CaptureSteps)
  {
    os << " " << step;
  }
  os << "\n";
  os << indent << "LatentDecoding: " << this->LatentDecoding << "\n";
  os << indent << "UpsampleCapturedImages: " << this->UpsampleCapturedImages << "\n";
  os << indent << "StoredImageSize: " << this->StoredImageSize << "\n";
  os << indent << "Device: " << this->Device << "\n";
  os << indent << "DeviceIndex: " << this->DeviceIndex << "\n";
  os << indent << "Precision: " << this->Precision << "\n";
  os << indent << "Threads: " << this->Threads << "\n";
  os << indent << "BatchSize: " << this->BatchSize << "\n";
}

int vtkDiffusionSampler::RequestInformation(
  vtkInformation*, vtkInformationVector**, vtkInformationVector* outputs)
{
  outputs->GetInformationObject(0)->Set(CAN_HANDLE_PIECE_REQUEST(), 1);
  return 1;
}

int vtkDiffusionSampler::RequestData(
  vtkInformation*, vtkInformationVector**, vtkInformationVector* outputs)
{
  tdl::SamplerParameters parameters;
  parameters.ModelFolder =
    this->ModelFolder.empty() ? tdl::DefaultModelFolder("FashionDenoiser") : this->ModelFolder;
  parameters.Prompts = this->Prompts;
  parameters.PromptFile = this->PromptFile;
  parameters.InstancesPerPrompt = this->InstancesPerPrompt;
  parameters.Seed = this->Seed;
  parameters.InferenceSteps = this->InferenceSteps;
  parameters.Scheduler = static_cast<tdl::SchedulerKind>(this->Scheduler);
  parameters.GuidanceScale = this->GuidanceScale;
  parameters.NegativePrompt = this->NegativePrompt;
  parameters.CaptureNoisyImage = this->CaptureNoisyImage;
  parameters.CapturePredictedImage = this->CapturePredictedImage;
  parameters.CapturePredictedNoise = this->CapturePredictedNoise;
  parameters.CaptureActivations = this->CaptureActivations;
  parameters.CaptureEvery = this->CaptureEvery;
  parameters.CaptureSteps = this->CaptureSteps;
  parameters.Decoding = static_cast<tdl::LatentDecoding>(this->LatentDecoding);
  parameters.UpsampleCapturedImages = this->UpsampleCapturedImages;
  parameters.StoredImageSize = this->StoredImageSize;
  parameters.Device = static_cast<tdl::DeviceKind>(this->Device);
  parameters.DeviceIndex = this->DeviceIndex;
  parameters.Precision = static_cast<tdl::PrecisionKind>(this->Precision);
  parameters.Threads = this->Threads;
  parameters.BatchSize = this->BatchSize;

  vtkInformation* info = outputs->GetInformationObject(0);
  auto* output = vtkPartitionedDataSetCollection::GetData(info);
  const tdl::SamplerPiece piece{ info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_PIECE_NUMBER()),
    info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_NUMBER_OF_PIECES()) };
  return tdl::FillTogether(this, info,
    [&]
    {
      static std::once_flag blasChecked;
      std::call_once(blasChecked,
        [this]
        {
          const std::string warning = tdl::PrepareBlas();
          if (!warning.empty())
          {
            vtkWarningMacro(<< warning);
          }
        });

      tdl::SampledImages images = tdl::SampleImages(parameters, piece, tdl::MonitorOf(this));

      for (const std::string& warning : images.Warnings)
      {
        vtkWarningMacro(<< warning);
      }

      vtkFieldData* fields = output->GetFieldData();
      AddArray<vtkStringArray>(fields, tdl::names::Prompts, images.Prompts);
      AddArray<vtkStringArray>(fields, tdl::names::Groups, images.Groups);
      AddArray<vtkIntArray>(fields, tdl::names::PromptGroup, images.PromptGroups);
      AddArray<vtkStringArray>(
        fields, tdl::names::Provenance, std::vector<std::string>{ images.Provenance });

      // Every rank names all instances, so that the collections have one structure.
      const std::size_t instances = images.Prompts.size() * this->InstancesPerPrompt;
      output->SetNumberOfPartitionedDataSets(static_cast<unsigned int>(instances));
      for (unsigned int i = 0; i < instances; ++i)
      {
        output->GetMetaData(i)->Set(vtkCompositeDataSet::NAME(),
          images.Prompts[i / this->InstancesPerPrompt] + " " + std::to_string(i));
      }
      for (tdl::SampledInstance& instance : images.Instances)
      {
        const tdl::SampledInstance moved = std::move(instance); // its memory goes as soon as copied
        output->SetPartition(moved.Instance, 0, MakeImage(images, moved));
      }
      tdl::ServeAbort(this, images.Instances.empty());
    });
}
