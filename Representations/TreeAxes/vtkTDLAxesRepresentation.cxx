// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTDLAxesRepresentation.h"

#include "Filters/Foundation/Names.h"
#include "Representations/TreeAxes/Core/AxesLayout.h"
#include "Representations/TreeAxes/Core/Colors.h"

#include "Filters/Foundation/Pi.h"
#include "vtkActor.h"
#include "vtkBillboardTextActor3D.h"
#include "vtkCamera.h"
#include "vtkCellArray.h"
#include "vtkCellType.h"
#include "vtkCommunicator.h"
#include "vtkDoubleArray.h"
#include "vtkExtractCellsByType.h"
#include "vtkFieldData.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkMapper.h"
#include "vtkMultiProcessController.h"
#include "vtkNew.h"
#include "vtkPVLODActor.h"
#include "vtkPVRenderView.h"
#include "vtkPVRenderViewDataDeliveryManager.h"
#include "vtkPointData.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"
#include "vtkPolyDataMapper.h"
#include "vtkProperty.h"
#include "vtkRenderWindow.h"
#include "vtkRenderer.h"
#include "vtkScalarsToColors.h"
#include "vtkSmartPointer.h"
#include "vtkStringArray.h"
#include "vtkTextProperty.h"
#include "vtkTextRenderer.h"
#include "vtkUnsignedCharArray.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <sstream>
#include <vector>

namespace
{
using tdl::Color;

// Pieces of data that travel from the data server to wherever they are drawn; the superclass has 0.
constexpr int TrajectoryPort = 1;
constexpr int LeafPort = 2;

constexpr char Box[] = "Box";

constexpr double AxisFontScale = 0.85;

//------------------------------------------------------------------------------
/** Why the data is no tree of that layout, in words; empty where it is one. */
std::string FindFault(vtkPolyData* data, const std::string& layout)
{
  std::vector<std::string> missing;
  for (const char* name : { tdl::names::Iteration, tdl::names::PromptId })
  {
    if (!data->GetPointData()->GetArray(name))
    {
      missing.push_back(std::string("the point array ") + name);
    }
  }
  vtkFieldData* field = data->GetFieldData();
  vtkDataArray* displacements = field->GetArray(tdl::names::RingDisplacement);
  if (!displacements || displacements->GetNumberOfTuples() == 0)
  {
    missing.push_back(std::string("the field array ") + tdl::names::RingDisplacement);
  }
  for (const char* name : { tdl::names::Prompts, tdl::names::Layout })
  {
    auto texts = vtkStringArray::SafeDownCast(field->GetAbstractArray(name));
    if (!texts || texts->GetNumberOfValues() == 0)
    {
      missing.push_back(std::string("the field array ") + name);
    }
  }

  std::string fault;
  for (const std::string& item : missing)
  {
    fault += (fault.empty() ? "it lacks " : ", ") + item;
  }
  if (!fault.empty())
  {
    return fault + "; show the output of Evolutionary Embedding";
  }
  const std::string found =
    vtkStringArray::SafeDownCast(field->GetAbstractArray(tdl::names::Layout))->GetValue(0);
  if (found == layout)
  {
    return "";
  }
  return "its layout is " + found + "; choose TDL " +
    (found == "radial" ? "Radial" : "Rectilinear") + " Axes";
}

//------------------------------------------------------------------------------
/** Last iteration and box around the points, the same on all processes that share the data. */
struct Extent
{
  double LastIteration = -1.0;
  Eigen::AlignedBox2d Box;
};

Extent FindExtent(vtkPolyData* tree)
{
  Extent extent;
  if (tree)
  {
    vtkDataArray* iterations = tree->GetPointData()->GetArray(tdl::names::Iteration);
    for (vtkIdType i = 0; i < tree->GetNumberOfPoints(); ++i)
    {
      double point[3];
      tree->GetPoint(i, point);
      if (std::isfinite(point[0]) && std::isfinite(point[1]))
      {
        extent.Box.extend(Eigen::Vector2d(point[0], point[1]));
        extent.LastIteration = std::max(extent.LastIteration, iterations->GetComponent(i, 0));
      }
    }
  }

  std::array<double, 5> maxima = { extent.LastIteration, extent.Box.max().x(), extent.Box.max().y(),
    -extent.Box.min().x(), -extent.Box.min().y() };
  const std::array<double, 5> local = maxima;
  if (auto controller = vtkMultiProcessController::GetGlobalController())
  {
    controller->AllReduce(local.data(), maxima.data(), 5, vtkCommunicator::MAX_OP);
  }
  extent.LastIteration = maxima[0];
  extent.Box = { Eigen::Vector2d(-maxima[3], -maxima[4]), Eigen::Vector2d(maxima[1], maxima[2]) };
  return extent;
}

//------------------------------------------------------------------------------
/** What labels show of the rings: the array's name, and a title. */
struct RingLevel
{
  const char* Name;
  const char* Title;
};

/** By the type of labels, but for the iteration. */
constexpr RingLevel RingLevels[] = { { tdl::names::Timestep, "timestep" },
  { tdl::names::Sigma, "sigma" } };
static_assert(std::size(RingLevels) == vtkTDLAxesRepresentation::SIGMA);

/** The value of each ring's points in an array of levels; NaN where there is none. */
vtkSmartPointer<vtkDoubleArray> LevelsOfRings(
  vtkDataArray* levels, const char* name, vtkDataArray* iterations, vtkDataArray* displacements)
{
  auto rings = vtkSmartPointer<vtkDoubleArray>::New();
  rings->SetName(name);
  rings->SetNumberOfValues(displacements->GetNumberOfTuples());
  rings->Fill(std::numeric_limits<double>::quiet_NaN());
  for (vtkIdType i = 0; levels && i < levels->GetNumberOfTuples(); ++i)
  {
    const double iteration = iterations->GetComponent(i, 0);
    if (iteration >= 0 && iteration < rings->GetNumberOfValues())
    {
      rings->SetValue(static_cast<vtkIdType>(iteration), levels->GetComponent(i, 0));
    }
  }
  return rings;
}

/** The points of the last iteration with their point data, and what the axes need beside them. */
void ExtractLeaves(vtkPolyData* tree, const Extent& extent, vtkPolyData* leaves)
{
  vtkPointData* in = tree->GetPointData();
  vtkPointData* out = leaves->GetPointData();
  out->CopyAllOn();
  out->CopyAllocate(in);
  vtkDataArray* displacements = tree->GetFieldData()->GetArray(tdl::names::RingDisplacement);
  vtkDataArray* iterations = in->GetArray(tdl::names::Iteration);
  vtkFieldData* field = leaves->GetFieldData();
  for (const RingLevel& level : RingLevels)
  {
    field->AddArray(LevelsOfRings(in->GetArray(level.Name), level.Name, iterations, displacements));
  }

  vtkNew<vtkPoints> points;
  vtkNew<vtkCellArray> vertices;
  for (vtkIdType i = 0; i < tree->GetNumberOfPoints(); ++i)
  {
    const double iteration = iterations->GetComponent(i, 0);
    double point[3];
    tree->GetPoint(i, point);
    if (iteration == extent.LastIteration && std::isfinite(point[0]) && std::isfinite(point[1]))
    {
      const vtkIdType leaf = points->InsertNextPoint(point);
      vertices->InsertNextCell(1, &leaf);
      out->CopyData(in, i, leaf);
    }
  }
  leaves->SetPoints(points);
  leaves->SetVerts(vertices);

  vtkNew<vtkDoubleArray> box;
  box->SetName(Box);
  for (double value :
    { extent.Box.min().x(), extent.Box.min().y(), extent.Box.max().x(), extent.Box.max().y() })
  {
    box->InsertNextValue(value);
  }
  field->AddArray(box);
  field->AddArray(displacements);
  for (const char* name : { tdl::names::Prompts, tdl::names::Groups, tdl::names::PromptGroup })
  {
    if (vtkAbstractArray* array = tree->GetFieldData()->GetAbstractArray(name))
    {
      field->AddArray(array);
    }
  }
}

//------------------------------------------------------------------------------
std::string Format(double value)
{
  std::ostringstream text;
  text.precision(3);
  // 999.6 is a timestep like any other, but nobody wants to read 1e+03.
  if (std::abs(value) >= 100.0)
  {
    value = std::round(value);
    text.precision(9);
  }
  text << value;
  return text.str();
}

tdl::Tree ReadTree(vtkPolyData* leaves, int axesLabels, int maximumPromptLength)
{
  tdl::Tree tree;
  vtkFieldData* field = leaves->GetFieldData();
  vtkDataArray* displacements = field->GetArray(tdl::names::RingDisplacement);
  vtkDataArray* levels = nullptr;
  tree.Title = "iteration";
  if (axesLabels != vtkTDLAxesRepresentation::ITERATION)
  {
    levels = field->GetArray(RingLevels[axesLabels - 1].Name);
    tree.Title = RingLevels[axesLabels - 1].Title;
  }
  for (vtkIdType k = 0; k < displacements->GetNumberOfTuples(); ++k)
  {
    const double level = levels ? levels->GetComponent(k, 0) : static_cast<double>(k);
    tree.Displacements.push_back(displacements->GetComponent(k, 0));
    tree.DisplacementNames.push_back(std::isfinite(level) ? Format(level) : "?");
  }

  auto prompts = vtkStringArray::SafeDownCast(field->GetAbstractArray(tdl::names::Prompts));
  for (vtkIdType p = 0; p < prompts->GetNumberOfValues(); ++p)
  {
    tree.Prompts.push_back(tdl::Shorten(prompts->GetValue(p), maximumPromptLength));
  }

  vtkDataArray* promptIds = leaves->GetPointData()->GetArray(tdl::names::PromptId);
  for (vtkIdType i = 0; i < leaves->GetNumberOfPoints(); ++i)
  {
    const double prompt = promptIds->GetComponent(i, 0);
    if (prompt >= 0 && prompt < static_cast<double>(tree.Prompts.size()))
    {
      double point[3];
      leaves->GetPoint(i, point);
      tree.Leaves.emplace_back(point[0], point[1]);
      tree.LeafPrompts.push_back(static_cast<int>(prompt));
    }
  }

  vtkDataArray* box = field->GetArray(Box);
  tree.Lower = { box->GetComponent(0, 0), box->GetComponent(1, 0) };
  tree.Upper = { box->GetComponent(2, 0), box->GetComponent(3, 0) };
  return tree;
}

//------------------------------------------------------------------------------
// Colors that suit any background.

struct Palette
{
  Color Paper;
  /** Black or white, whichever stands out more. */
  Color Ink;

  /** Between paper (0) and ink (1). */
  Color Gray(double share) const { return this->Paper + share * (this->Ink - this->Paper); }

  /** The color, moved towards the ink as far as needed to be read on the paper. */
  Color Readable(const Color& color) const
  {
    constexpr double enough = 3.0;
    Color readable = color;
    for (double share = 0.0; share < 1.0 && tdl::Contrast(readable, this->Paper) < enough;
         share += 0.1)
    {
      readable = color + share * (this->Ink - color);
    }
    return readable;
  }
};

Palette MakePalette(vtkRenderer* renderer)
{
  Palette palette;
  palette.Paper = Color(renderer->GetBackground());
  if (renderer->GetGradientBackground())
  {
    palette.Paper = (palette.Paper + Color(renderer->GetBackground2())) / 2.0;
  }
  const Color black = Color::Zero();
  const Color white = Color::Ones();
  palette.Ink =
    tdl::Contrast(palette.Paper, black) > tdl::Contrast(palette.Paper, white) ? black : white;
  return palette;
}

/**
 * Colors of the prompts [P], where the coloring of the points tells prompts apart: all leaves of a
 * prompt have one color, and not all prompts the same. Else empty.
 */
std::vector<Color> FindPromptColors(vtkMapper* mapper, vtkPolyData* leaves, std::size_t prompts)
{
  vtkAbstractArray* array =
    mapper->GetScalarVisibility() && mapper->GetScalarMode() == VTK_SCALAR_MODE_USE_POINT_FIELD_DATA
    ? leaves->GetPointData()->GetAbstractArray(mapper->GetArrayName())
    : nullptr;
  if (!array || !mapper->GetLookupTable())
  {
    return {};
  }
  const auto rgba = vtkSmartPointer<vtkUnsignedCharArray>::Take(
    mapper->GetLookupTable()->MapScalars(array, mapper->GetColorMode(), -1));
  vtkDataArray* promptIds = leaves->GetPointData()->GetArray(tdl::names::PromptId);
  const Color unknown = Color::Constant(-1.0);
  std::vector<Color> colors(prompts, unknown);
  bool same = true;
  const Color* first = nullptr;
  for (vtkIdType i = 0; i < leaves->GetNumberOfPoints(); ++i)
  {
    const double prompt = promptIds->GetComponent(i, 0);
    if (prompt < 0 || prompt >= static_cast<double>(prompts))
    {
      continue;
    }
    const Color color =
      Color(rgba->GetComponent(i, 0), rgba->GetComponent(i, 1), rgba->GetComponent(i, 2)) / 255.0;
    Color& known = colors[static_cast<std::size_t>(prompt)];
    if (known != unknown && known != color)
    {
      return {};
    }
    known = color;
    first = first ? first : &known;
    same = same && color == *first;
  }
  return same ? std::vector<Color>() : colors;
}

//------------------------------------------------------------------------------
/** An actor of unlit lines in one color that cannot be picked. */
struct LineActor
{
  vtkNew<vtkPolyData> Lines;
  vtkNew<vtkPolyDataMapper> Mapper;
  vtkNew<vtkActor> Actor;

  LineActor()
  {
    this->Mapper->SetInputDataObject(this->Lines);
    this->Mapper->ScalarVisibilityOff();
    this->Actor->SetMapper(this->Mapper);
    this->Actor->PickableOff();
    this->Actor->GetProperty()->LightingOff();
  }

  void Draw(const std::vector<tdl::Polyline>& polylines)
  {
    vtkNew<vtkPoints> points;
    vtkNew<vtkCellArray> cells;
    for (const tdl::Polyline& polyline : polylines)
    {
      cells->InsertNextCell(static_cast<int>(polyline.size()));
      for (const Eigen::Vector2d& point : polyline)
      {
        cells->InsertCellPoint(points->InsertNextPoint(point.x(), point.y(), 0.0));
      }
    }
    this->Lines->SetPoints(points);
    this->Lines->SetLines(cells);
  }

  void SetColor(const Color& color)
  {
    this->Actor->GetProperty()->SetColor(color[0], color[1], color[2]);
  }
};

/** Units per pixel. A screenshot larger than its view is drawn in tiles: the size is then that of
 * all, the camera shows one. */
double PixelSize(vtkRenderer* renderer)
{
  vtkCamera* camera = renderer->GetActiveCamera();
  const double halfHeight = camera->GetParallelProjection()
    ? camera->GetParallelScale()
    : camera->GetDistance() * std::tan(camera->GetViewAngle() * tdl::Pi / 360.0);
  const int tiles = renderer->GetVTKWindow()->GetTileScale()[1];
  return 2.0 * halfHeight * tiles / std::max(renderer->GetSize()[1], 1);
}
}

//------------------------------------------------------------------------------
class vtkTDLAxesRepresentation::vtkInternals
{
public:
  // Splits the geometry into what the superclass draws and the trajectories.
  vtkNew<vtkExtractCellsByType> Elements;
  vtkNew<vtkExtractCellsByType> Paths;
  vtkNew<vtkPolyData> Trajectories;
  vtkNew<vtkPolyData> Leaves;
  bool Warned = false;

  // What is drawn beside the superclass's points.
  vtkNew<vtkPolyDataMapper> TrajectoryMapper;
  vtkNew<vtkActor> TrajectoryActor;
  LineActor Axes;
  LineActor Leaders;
  vtkNew<vtkTextProperty> PromptText;
  vtkNew<vtkTextProperty> AxisText;
  std::vector<vtkSmartPointer<vtkBillboardTextActor3D>> Labels;
  bool ShadedPoints = false;

  vtkInternals()
  {
    this->Elements->AddCellType(VTK_VERTEX);
    this->Elements->AddCellType(VTK_POLY_VERTEX);
    this->Paths->AddCellType(VTK_LINE);
    this->Paths->AddCellType(VTK_POLY_LINE);
    this->TrajectoryActor->SetMapper(this->TrajectoryMapper);
    this->TrajectoryActor->PickableOff();
    this->TrajectoryActor->GetProperty()->LightingOff();
    for (vtkTextProperty* text : { this->PromptText.Get(), this->AxisText.Get() })
    {
      text->SetVerticalJustificationToCentered();
    }
  }

  void SetFontSize(int size)
  {
    this->PromptText->SetFontSize(size);
    this->AxisText->SetFontSize(std::max(1, static_cast<int>(std::lround(AxisFontScale * size))));
  }

  tdl::AxesStyle MakeStyle(int maximumAxes, int dpi)
  {
    const auto measure = [dpi](vtkTextProperty* property, const std::string& text)
    {
      int box[4] = { 0, 0, 0, 0 };
      vtkTextRenderer::GetInstance()->GetBoundingBox(property, text, box, dpi);
      return Eigen::Vector2d(box[1] - box[0] + 1, box[3] - box[2] + 1);
    };
    tdl::AxesStyle style;
    style.MaximumAxes = maximumAxes;
    style.PromptHeight = measure(this->PromptText, "Ag").y();
    style.AxisHeight = measure(this->AxisText, "Ag").y();
    style.PromptWidth = [this, measure](const std::string& text)
    { return measure(this->PromptText, text).x(); };
    style.AxisWidth = [this, measure](const std::string& text)
    { return measure(this->AxisText, text).x(); };
    return style;
  }

  /** Takes as many labels into use as the drawing has. */
  void DrawLabels(const tdl::AxesDrawing& drawing, const Palette& palette,
    const std::vector<Color>& promptColors, vtkRenderer* renderer)
  {
    for (const auto& label : this->Labels)
    {
      label->VisibilityOff();
    }
    for (std::size_t i = 0; i < drawing.Labels.size(); ++i)
    {
      if (i == this->Labels.size())
      {
        this->Labels.push_back(vtkSmartPointer<vtkBillboardTextActor3D>::New());
        this->Labels[i]->PickableOff();
        renderer->AddActor(this->Labels[i]);
      }
      const tdl::AxesLabel& label = drawing.Labels[i];
      const bool isPrompt = label.Prompt >= 0;
      const Color color = !isPrompt ? palette.Gray(0.55)
        : promptColors.empty()      ? palette.Gray(0.85)
                                    : palette.Readable(promptColors[label.Prompt]);
      vtkBillboardTextActor3D* actor = this->Labels[i];
      vtkTextProperty* text = actor->GetTextProperty();
      text->ShallowCopy(isPrompt ? this->PromptText : this->AxisText);
      text->SetColor(color[0], color[1], color[2]);
      text->SetJustification(static_cast<int>(label.Align));
      actor->SetInput(label.Text.c_str());
      actor->SetPosition(label.Position.x(), label.Position.y(), 0.0);
      actor->VisibilityOn();
    }
  }

  void Hide()
  {
    this->TrajectoryActor->VisibilityOff();
    this->Axes.Actor->VisibilityOff();
    this->Leaders.Actor->VisibilityOff();
    for (const auto& label : this->Labels)
    {
      label->VisibilityOff();
    }
  }
};

//------------------------------------------------------------------------------
vtkTDLAxesRepresentation::vtkTDLAxesRepresentation()
  : Internals(new vtkInternals)
{
  this->Internals->Elements->SetInputConnection(this->GeometryFilter->GetOutputPort());
  this->Internals->Paths->SetInputConnection(this->GeometryFilter->GetOutputPort());
}

//------------------------------------------------------------------------------
vtkTDLAxesRepresentation::~vtkTDLAxesRepresentation() = default;

//------------------------------------------------------------------------------
void vtkTDLAxesRepresentation::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "AxesVisibility: " << this->AxesVisibility << "\n";
  os << indent << "AxesLabels: " << this->AxesLabels << "\n";
  os << indent << "MaximumAxes: " << this->MaximumAxes << "\n";
  os << indent << "PromptVisibility: " << this->PromptVisibility << "\n";
  os << indent << "MaximumPromptLength: " << this->MaximumPromptLength << "\n";
  os << indent << "LabelFontSize: " << this->LabelFontSize << "\n";
  os << indent << "TrajectoryVisibility: " << this->TrajectoryVisibility << "\n";
  os << indent << "TrajectoryOpacity: " << this->TrajectoryOpacity << "\n";
}

//------------------------------------------------------------------------------
std::string vtkTDLAxesRepresentation::GetCategories()
{
  vtkFieldData* field = this->Internals->Leaves->GetFieldData();
  nlohmann::json categories;
  for (const char* name : { tdl::names::Prompts, tdl::names::Groups })
  {
    categories[name] = nlohmann::json::array();
    auto texts = vtkStringArray::SafeDownCast(field->GetAbstractArray(name));
    for (vtkIdType i = 0; texts && i < texts->GetNumberOfValues(); ++i)
    {
      categories[name].push_back(texts->GetValue(i));
    }
  }
  categories[tdl::names::PromptGroup] = nlohmann::json::array();
  vtkDataArray* groups = field->GetArray(tdl::names::PromptGroup);
  for (vtkIdType i = 0; groups && i < groups->GetNumberOfTuples(); ++i)
  {
    categories[tdl::names::PromptGroup].push_back(static_cast<int>(groups->GetComponent(i, 0)));
  }
  return categories.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

//------------------------------------------------------------------------------
int vtkTDLAxesRepresentation::RequestData(
  vtkInformation* request, vtkInformationVector** inputs, vtkInformationVector* outputs)
{
  vtkInternals& internals = *this->Internals;
  // A process without a share of the data, such as a client, has no input or an empty one.
  vtkDataObject* input = inputs[0]->GetNumberOfInformationObjects() == 1
    ? vtkDataObject::GetData(inputs[0], 0)
    : nullptr;
  const bool empty = !input || input->GetNumberOfElements(vtkDataObject::POINT) == 0;
  auto tree = vtkPolyData::SafeDownCast(input);
  const std::string fault =
    tree ? FindFault(tree, this->GetLayout()) : "it is not polygonal data in one piece";
  const bool isTree = !empty && fault.empty();
  if (!isTree && !empty && !internals.Warned)
  {
    vtkWarningMacro("The data is drawn without axes: " << fault << ".");
  }
  internals.Warned = !isTree && !empty;

  this->MultiBlockMaker->SetInputConnection(
    isTree ? internals.Elements->GetOutputPort() : this->GeometryFilter->GetOutputPort());
  if (!this->Superclass::RequestData(request, inputs, outputs))
  {
    return 0;
  }

  internals.Trajectories->Initialize();
  internals.Leaves->Initialize();
  const Extent extent = FindExtent(isTree ? tree : nullptr);
  if (isTree)
  {
    internals.Paths->Update();
    internals.Trajectories->ShallowCopy(internals.Paths->GetOutput());
    ExtractLeaves(tree, extent, internals.Leaves);
  }
  return 1;
}

//------------------------------------------------------------------------------
int vtkTDLAxesRepresentation::ProcessViewRequest(
  vtkInformationRequestKey* request, vtkInformation* inInfo, vtkInformation* outInfo)
{
  if (!this->Superclass::ProcessViewRequest(request, inInfo, outInfo))
  {
    return 0;
  }

  vtkInternals& internals = *this->Internals;
  auto view = vtkPVRenderView::SafeDownCast(inInfo->Get(vtkPVView::VIEW()));
  const auto layOut = [this](const tdl::Tree& tree, const tdl::AxesStyle& style)
  {
    tdl::AxesDrawing drawing = this->LayOut(tree, style);
    const auto isHidden = [this](const tdl::AxesLabel& label)
    { return !(label.Prompt < 0 ? this->AxesVisibility : this->PromptVisibility); };
    drawing.Labels.erase(
      std::remove_if(drawing.Labels.begin(), drawing.Labels.end(), isHidden), drawing.Labels.end());
    return drawing;
  };

  if (request == vtkPVView::REQUEST_UPDATE() || request == vtkPVView::REQUEST_RENDER())
  {
    // Where the camera shall look is said by SetGeometryBounds alone. While rendering, the actors'
    // bounds are needed, to composite the images of several processes.
    const bool rendering = request == vtkPVView::REQUEST_RENDER();
    for (vtkProp* actor :
      { static_cast<vtkProp*>(this->Actor), static_cast<vtkProp*>(internals.Axes.Actor),
        static_cast<vtkProp*>(internals.TrajectoryActor) })
    {
      actor->SetUseBounds(rendering);
    }
  }

  if (request == vtkPVView::REQUEST_UPDATE())
  {
    vtkPVView::SetPiece(inInfo, this, internals.Trajectories, 0, TrajectoryPort);
    vtkPVView::SetPiece(inInfo, this, internals.Leaves, 0, LeafPort);
    // Translucent lines and the points above them must be composited in one order.
    vtkPVRenderView::SetOrderedCompositingConfiguration(
      inInfo, this, vtkPVRenderView::DATA_IS_REDISTRIBUTABLE, nullptr, TrajectoryPort);
    // Every process that draws needs all leaves, to come to the same axes.
    vtkPVRenderViewDataDeliveryManager::SafeDownCast(view->GetDeliveryManager())
      ->SetDeliverToAllProcesses(this, true, false, LeafPort);

    if (internals.Leaves->GetNumberOfPoints() > 0)
    {
      internals.SetFontSize(this->LabelFontSize);
      const Eigen::Vector2d window(view->GetSize()[0], view->GetSize()[1]);
      const tdl::Frame frame = tdl::FitWindow(layOut,
        ReadTree(internals.Leaves, this->AxesLabels, this->MaximumPromptLength),
        internals.MakeStyle(this->MaximumAxes, view->GetRenderWindow()->GetDPI()), window);
      // The view shows the sphere around these bounds: it shall just touch the nearer borders.
      const double half = frame.Pixel * window.minCoeff() / 2.0 / std::sqrt(2.0);
      const Eigen::Vector2d lower = frame.Center.array() - half;
      const Eigen::Vector2d upper = frame.Center.array() + half;
      const double bounds[6] = { lower.x(), upper.x(), lower.y(), upper.y(), 0.0, 0.0 };
      vtkPVRenderView::SetGeometryBounds(inInfo, this, bounds);
    }
  }
  else if (request == vtkPVView::REQUEST_RENDER())
  {
    auto trajectories =
      vtkPolyData::SafeDownCast(vtkPVView::GetDeliveredPiece(inInfo, this, TrajectoryPort));
    auto leaves = vtkPolyData::SafeDownCast(vtkPVView::GetDeliveredPiece(inInfo, this, LeafPort));
    const bool drawn = leaves && leaves->GetNumberOfPoints() > 0;
    // Spheres without light are disks.
    this->Property->SetRenderPointsAsSpheres(drawn || internals.ShadedPoints);
    this->Property->SetLighting(!drawn || internals.ShadedPoints);
    internals.Hide();
    if (!drawn)
    {
      return 1;
    }

    vtkRenderer* renderer = view->GetRenderer();
    const double pixel = PixelSize(renderer);
    const Palette palette = MakePalette(renderer);
    internals.SetFontSize(this->LabelFontSize);
    tdl::AxesStyle style =
      internals.MakeStyle(this->MaximumAxes, view->GetRenderWindow()->GetDPI());
    style.Pixel = pixel;
    const tdl::Tree tree = ReadTree(leaves, this->AxesLabels, this->MaximumPromptLength);
    const tdl::AxesDrawing drawing = layOut(tree, style);

    // One pixel apart in depth keeps the points above the trajectories above the axes.
    internals.TrajectoryMapper->SetInputDataObject(trajectories);
    internals.TrajectoryActor->SetVisibility(this->TrajectoryVisibility && trajectories);
    internals.TrajectoryActor->SetPosition(0.0, 0.0, -pixel);
    internals.TrajectoryActor->GetProperty()->SetOpacity(this->TrajectoryOpacity);
    internals.Axes.Draw(drawing.Axes);
    internals.Axes.SetColor(palette.Gray(0.2));
    internals.Axes.Actor->SetPosition(0.0, 0.0, -2.0 * pixel);
    internals.Axes.Actor->SetVisibility(this->AxesVisibility);
    internals.Leaders.Draw(drawing.Leaders);
    internals.Leaders.SetColor(palette.Gray(0.35));
    internals.Leaders.Actor->SetVisibility(this->PromptVisibility);
    internals.DrawLabels(drawing, palette,
      FindPromptColors(this->Mapper, leaves, tree.Prompts.size()),
      view->GetNonCompositedRenderer());
  }
  return 1;
}

//------------------------------------------------------------------------------
void vtkTDLAxesRepresentation::SetVisibility(bool visible)
{
  this->Superclass::SetVisibility(visible);
  if (!visible)
  {
    // Whatever is visible is shown again by the next request to render.
    this->Internals->Hide();
  }
}

//------------------------------------------------------------------------------
void vtkTDLAxesRepresentation::SetPointSize(double radius)
{
  this->Superclass::SetPointSize(2.0 * radius);
}

//------------------------------------------------------------------------------
void vtkTDLAxesRepresentation::SetRenderPointsAsSpheres(bool shaded)
{
  this->Internals->ShadedPoints = shaded;
}

//------------------------------------------------------------------------------
void vtkTDLAxesRepresentation::UpdateColoringParameters()
{
  this->Superclass::UpdateColoringParameters();

  vtkPolyDataMapper* mapper = this->Internals->TrajectoryMapper;
  mapper->SetLookupTable(this->Mapper->GetLookupTable());
  mapper->SetUseLookupTableScalarRange(this->Mapper->GetUseLookupTableScalarRange());
  mapper->SetColorMode(this->Mapper->GetColorMode());
  mapper->SetInterpolateScalarsBeforeMapping(this->Mapper->GetInterpolateScalarsBeforeMapping());
  mapper->SetScalarVisibility(this->Mapper->GetScalarVisibility());
  mapper->SetScalarMode(this->Mapper->GetScalarMode());
  mapper->SelectColorArray(this->Mapper->GetArrayName());

  vtkProperty* property = this->Internals->TrajectoryActor->GetProperty();
  property->SetColor(this->Property->GetColor());
  property->SetLineWidth(this->Property->GetLineWidth());
}

//------------------------------------------------------------------------------
bool vtkTDLAxesRepresentation::NeedsOrderedCompositing()
{
  const bool translucent = this->TrajectoryVisibility && this->TrajectoryOpacity < 1.0;
  return translucent || this->Superclass::NeedsOrderedCompositing();
}

//------------------------------------------------------------------------------
bool vtkTDLAxesRepresentation::AddToView(vtkView* view)
{
  auto renderView = vtkPVRenderView::SafeDownCast(view);
  if (!renderView || !this->Superclass::AddToView(view))
  {
    return false;
  }
  renderView->GetRenderer()->AddActor(this->Internals->Axes.Actor);
  renderView->GetRenderer()->AddActor(this->Internals->TrajectoryActor);
  renderView->GetNonCompositedRenderer()->AddActor(this->Internals->Leaders.Actor);
  return true;
}

//------------------------------------------------------------------------------
bool vtkTDLAxesRepresentation::RemoveFromView(vtkView* view)
{
  if (auto renderView = vtkPVRenderView::SafeDownCast(view))
  {
    renderView->GetRenderer()->RemoveActor(this->Internals->Axes.Actor);
    renderView->GetRenderer()->RemoveActor(this->Internals->TrajectoryActor);
    renderView->GetNonCompositedRenderer()->RemoveActor(this->Internals->Leaders.Actor);
    for (const auto& label : this->Internals->Labels)
    {
      renderView->GetNonCompositedRenderer()->RemoveActor(label);
    }
    this->Internals->Labels.clear();
  }
  return this->Superclass::RemoveFromView(view);
}
