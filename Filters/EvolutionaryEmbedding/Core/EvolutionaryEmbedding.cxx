// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/EvolutionaryEmbedding.h"

#include "Filters/EvolutionaryEmbedding/Core/Affinities.h"
#include "Filters/EvolutionaryEmbedding/Core/AlignmentLoss.h"
#include "Filters/EvolutionaryEmbedding/Core/BranchSpread.h"
#include "Filters/EvolutionaryEmbedding/Core/Choices.h"
#include "Filters/EvolutionaryEmbedding/Core/DisplacementLoss.h"
#include "Filters/EvolutionaryEmbedding/Core/Optimizer.h"
#include "Filters/EvolutionaryEmbedding/Core/Rings.h"
#include "Filters/EvolutionaryEmbedding/Core/SemanticLoss.h"
#include "Filters/EvolutionaryEmbedding/Core/Start.h"
#include "Filters/Foundation/Pi.h"
#include "Filters/Foundation/Threads.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace tdl
{
namespace
{
/** Share of the progress at which the neighbors are found, and at which the optimization begins. */
constexpr double NeighborsShare = 0.25;
constexpr double PreparationShare = 0.3;

/**
 * What changes during the optimization. Points are free to pass each other at first: displacement
 * gains its weight during the first third of the steps. In the first quarter, t-SNE's early
 * exaggeration orders the branches; trajectories are stiff then, so that all iterations find the
 * same order and lines do not cross without reason. They relax until half of the steps are done.
 */
struct Phase
{
  double Exaggeration;
  double DisplacementWeight;
  double AlignmentWeight;
  double Momentum;
};

/** @param done Share of the schedule, in [0, 1). */
Phase PhaseAt(double done, const EmbeddingParameters& parameters)
{
  constexpr double freedom = 50.0;
  // Arcs on a ring are several times as long as offsets in a column, and their squares count. Over
  // all elements, t-SNE itself keeps trajectories together.
  const double column = parameters.Scope == NeighborhoodScope::WithinIteration ? 1600.0 : 400.0;
  const double stiffness = parameters.Layout == Layout::Radial ? 20.0 : column;
  const double free = std::max(0.0, 1.0 - 3.0 * done);
  const double stiff = std::clamp(2.0 - 4.0 * done, 0.0, 1.0);
  const bool early = done < 0.25;
  return { early ? parameters.EarlyExaggeration : 1.0,
    parameters.DisplacementWeight * std::pow(freedom, -free),
    parameters.AlignmentWeight * std::pow(stiffness, stiff), early ? 0.5 : 0.8 };
}

/** Second derivatives that make a step as long as t-SNE's learning rate does, one per range. */
std::vector<double> SemanticCurvatures(const EmbeddingParameters& parameters,
  const std::vector<Range>& ranges, const std::vector<double>& scales)
{
  std::vector<double> curvatures;
  for (std::size_t r = 0; r < ranges.size(); ++r)
  {
    const double size = ranges[r].Size();
    const double rate = parameters.LearningRate > 0.0
      ? parameters.LearningRate
      : std::max(size / 12.0, std::min(50.0, size / 4.0));
    curvatures.push_back(scales[r] * scales[r] / (rate * static_cast<double>(ranges.size())));
  }
  return curvatures;
}

bool IsPlain(const EmbeddingParameters& parameters)
{
  return parameters.DisplacementWeight == 0.0 && parameters.AlignmentWeight == 0.0;
}

/** Height of the columns that the start uses. */
double Height(const Eigen::ArrayXd& targets)
{
  return 1.5 * std::max(1.0, targets.maxCoeff());
}

/** Turns rings into columns, cut where the last ring is emptiest, or columns into rings. */
void ChangeLayout(
  Points& points, Layout to, const Eigen::ArrayXd& from, const Eigen::ArrayXd& targets)
{
  if (to == Layout::Radial)
  {
    const double lowest = points.col(1).minCoeff();
    const double height = std::max(points.col(1).maxCoeff() - lowest, 1e-9);
    // A gap is left where the column's ends meet.
    const double perUnit = 2.0 * Pi * 0.95 / height;
    for (Eigen::Index i = 0; i < points.rows(); ++i)
    {
      const double angle = (points(i, 1) - lowest) * perUnit;
      const double radius = std::max(0.0, targets[i] + points(i, 0) - from[i]);
      points.row(i) << radius * std::cos(angle), radius * std::sin(angle);
    }
    return;
  }
  std::vector<double> angles;
  const double last = from.maxCoeff();
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    if (from[i] == last)
    {
      angles.push_back(std::atan2(points(i, 1), points(i, 0)));
    }
  }
  std::sort(angles.begin(), angles.end());
  double cut = 0.5 * (angles.back() + angles.front() + 2.0 * Pi);
  double widest = angles.front() + 2.0 * Pi - angles.back();
  for (std::size_t i = 1; i < angles.size(); ++i)
  {
    if (angles[i] - angles[i - 1] > widest)
    {
      widest = angles[i] - angles[i - 1];
      cut = 0.5 * (angles[i] + angles[i - 1]);
    }
  }
  const double height = Height(targets);
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    const double turned = std::atan2(points(i, 1), points(i, 0)) - cut;
    const double place = turned / (2.0 * Pi) - std::floor(turned / (2.0 * Pi));
    const double radius = DisplacementOf(Layout::Radial, points(i, 0), points(i, 1)).Value;
    points.row(i) << targets[i] + radius - from[i], height * (place - 0.5);
  }
}
}

void EmbeddingResult::SetArrays(const std::vector<int>& placeOf, const Points& points,
  const Eigen::ArrayXd& targets, const Eigen::ArrayXd& semantic, const Eigen::ArrayXd& displacement,
  const Eigen::ArrayXd& alignment, int threads)
{
  const Eigen::Index count = points.rows();
  this->Position.resize(count, 2);
  for (Eigen::ArrayXd* own : { &this->TargetDisplacement, &this->SemanticLoss,
         &this->DisplacementLoss, &this->AlignmentLoss })
  {
    own->resize(count);
  }
  // What is read at random is in memory already; what is written in order is not.
#pragma omp parallel for num_threads(threads)
  for (Eigen::Index element = 0; element < count; ++element)
  {
    const int place = placeOf[element];
    this->Position(element, 0) = points(place, 0);
    this->Position(element, 1) = points(place, 1);
    this->TargetDisplacement[element] = targets[place];
    this->SemanticLoss[element] = semantic[place];
    this->DisplacementLoss[element] = displacement[place];
    this->AlignmentLoss[element] = alignment[place];
  }
}

/** Everything between two steps. */
struct EvolutionaryEmbedding::State
{
  EmbeddingParameters Parameters;
  tdl::Arrangement Arrangement;
  std::vector<Range> Ranges;
  std::unique_ptr<SemanticLoss> Semantic;
  double NeighborRecall = 1.0;
  std::vector<std::string> PerplexityWarnings;
  /** [N] Position of the arrangement at each place of P; the arrays below have P's order. */
  std::vector<int> PositionAt;
  /** [N] Place of each element. */
  std::vector<int> PlaceOf;
  /** [N] Place of the same instance's next iteration, or -1. */
  std::vector<int> Next;
  /** [instances] Empty until a start needs it. */
  std::vector<int> Order;

  // Of the parameters, from Start on.
  std::vector<double> RingDisplacement;
  Eigen::ArrayXd Targets;
  std::vector<double> Curvatures;
  std::unique_ptr<DisplacementLoss> Displacement;
  std::unique_ptr<AlignmentLoss> Alignment;
  std::unique_ptr<Optimizer> Descent;
  int Threads = 1;
  /** Threads that are worth waking for the points alone. */
  int PointThreads = 1;

  Points Position;
  int Step = 0;
  /** Share of the schedule that a continued run leaves out. */
  double Skipped = 0.0;
  std::vector<LossRecord> History;
  /** Positions at earlier steps. */
  std::vector<std::pair<int, Points>> Snapshots;

  /** The step whose points repel each other in Semantic, or -1. */
  int PlacedStep = -1;
  /** Losses of a step, and the elements' parts of them; Step is -1 where there are none. */
  LossRecord Losses;
  Eigen::ArrayXd SemanticParts, DisplacementParts, AlignmentParts;

  // Kept from step to step for their memory alone.
  Points Gradient, Curvature;

  void Adopt(const Elements& elements, const EmbeddingParameters& parameters);
  void Begin(double skipped);
  void Forget();
  void Place(const Points& points, int step);
  const LossRecord& Evaluate(const Points& points, int step);
  void Record();
  void Keep();
  double Done(int step) const;
  bool Spread();
  void SetGradient();
  void Move();
};

EvolutionaryEmbedding::~EvolutionaryEmbedding() = default;

EvolutionaryEmbedding::EvolutionaryEmbedding(
  const Elements& elements, const EmbeddingParameters& parameters, const Monitor& monitor)
  : Self(std::make_unique<State>())
{
  CheckParameters(parameters);
  State& self = *this->Self;
  self.Parameters = parameters;
  self.Threads = ResolveThreads(parameters.Threads);
  self.Arrangement = Arrange(elements);
  self.Ranges = ComparedRanges(self.Arrangement, parameters.Scope);
  const std::vector<double> perplexities = ChoosePerplexities(
    parameters, self.Ranges, self.Arrangement.Rings.size(), self.PerplexityWarnings);
  const Tick tick = StageTick(monitor, "Neighbors", 0.0, NeighborsShare);
  tick(0.0);
  Affinities affinities =
    ComputeAffinities(PrepareFeatures(elements, self.Arrangement, parameters.Metric), self.Ranges,
      perplexities, self.Threads, tick);
  self.NeighborRecall = affinities.NeighborRecall;
  self.PositionAt = std::move(affinities.Position);
  std::vector<int> placeOf(self.PositionAt.size());
  for (std::size_t place = 0; place < placeOf.size(); ++place)
  {
    placeOf[self.PositionAt[place]] = static_cast<int>(place);
  }
  for (const int position : self.PositionAt)
  {
    const int next = self.Arrangement.Next[position];
    self.Next.push_back(next < 0 ? -1 : placeOf[next]);
  }
  self.PlaceOf.resize(placeOf.size());
  for (std::size_t position = 0; position < placeOf.size(); ++position)
  {
    self.PlaceOf[self.Arrangement.Element[position]] = placeOf[position];
  }
  self.Arrangement.Next = self.Arrangement.Previous = {}; // no longer needed
  self.Semantic = std::make_unique<SemanticLoss>(
    std::move(affinities), self.Ranges, std::vector<double>(self.Ranges.size(), 1.0), self.Threads);
}

bool EvolutionaryEmbedding::Serves(const EmbeddingParameters& parameters) const
{
  const EmbeddingParameters& own = this->Self->Parameters;
  return own.Scope == parameters.Scope && own.Metric == parameters.Metric &&
    own.Perplexity == parameters.Perplexity;
}

/** Takes over the parameters that do not change the affinities. */
void EvolutionaryEmbedding::State::Adopt(
  const Elements& elements, const EmbeddingParameters& parameters)
{
  CheckParameters(parameters);
  this->RingDisplacement = RingDisplacements(parameters.Layout, elements, this->Arrangement);
  this->Targets = TargetsOf(this->Arrangement, this->RingDisplacement)(this->PositionAt);
  const int count = this->Arrangement.Size();
  this->Parameters = parameters;
  this->Threads = ResolveThreads(parameters.Threads);
  // Waking a thread takes about as long as moving this many points.
  constexpr int pointsPerThread = 2000;
  this->PointThreads = std::clamp(count / pointsPerThread, 1, this->Threads);
  const std::vector<double> scales = ChooseScales(parameters, this->Ranges, this->Targets);
  this->Semantic->SetScales(scales, this->Threads);
  this->Curvatures = SemanticCurvatures(parameters, this->Ranges, scales);
  this->Displacement =
    std::make_unique<DisplacementLoss>(parameters.Layout, this->Targets, this->PointThreads);
  this->Alignment =
    std::make_unique<AlignmentLoss>(parameters.Layout, this->Next, this->PointThreads);
  for (Eigen::ArrayXd* parts :
    { &this->SemanticParts, &this->DisplacementParts, &this->AlignmentParts })
  {
    parts->resize(count);
  }
  this->Gradient.resize(count, 2);
  this->Curvature.resize(count, 2);
  this->Forget();
}

/** The first step is next. */
void EvolutionaryEmbedding::State::Begin(double skipped)
{
  // Plain t-SNE knows no radius.
  const Layout frame = IsPlain(this->Parameters) ? Layout::Rectilinear : this->Parameters.Layout;
  this->Descent = std::make_unique<Optimizer>(
    frame, this->Position.rows(), LongestStep(this->Targets), this->PointThreads);
  this->Step = 0;
  this->Skipped = skipped;
  this->History.clear();
  this->Snapshots.clear();
  this->Record();
  this->Keep();
}

void EvolutionaryEmbedding::Start(
  const Elements& elements, const EmbeddingParameters& parameters, const Monitor& monitor)
{
  State& self = *this->Self;
  self.Adopt(elements, parameters);
  self.Descent.reset(); // when stopped below, there are no points of these parameters
  const Tick tick = StageTick(monitor, "Instances", NeighborsShare, PreparationShare);
  tick(0.0);
  if (IsPlain(parameters))
  {
    const Vectors features = PrepareFeatures(elements, self.Arrangement, parameters.Metric);
    tick(0.0);
    self.Position = StartInPlane(features, self.Ranges,
      ChooseScales(parameters, self.Ranges, self.Targets), self.Threads, tick);
  }
  else
  {
    if (self.Order.empty())
    {
      self.Order = StartOrder(PrepareFeatures(elements, self.Arrangement, parameters.Metric),
        self.Arrangement, self.Threads, tick);
    }
    self.Position = StartOnRings(parameters.Layout, self.Order, self.Arrangement,
      TargetsOf(self.Arrangement, self.RingDisplacement), parameters.DisplacementWeight > 0.0,
      parameters.Seed);
  }
  self.Position = Points(self.Position(self.PositionAt, Eigen::indexing::all));
  tick(1.0);
  self.Begin(0.0);
}

void EvolutionaryEmbedding::Update(
  const Elements& elements, const EmbeddingParameters& parameters, const Monitor& monitor)
{
  State& self = *this->Self;
  const EmbeddingParameters before = self.Parameters;
  if (!self.Descent || before.EarlyExaggeration != parameters.EarlyExaggeration ||
    before.LearningRate != parameters.LearningRate || before.Seed != parameters.Seed ||
    before.Snapshots != parameters.Snapshots || parameters.Steps < self.Step)
  {
    this->Start(elements, parameters, monitor);
    return;
  }
  const Eigen::ArrayXd targets = self.Targets;
  self.Adopt(elements, parameters);
  const bool same = before.Layout == parameters.Layout &&
    before.DisplacementWeight == parameters.DisplacementWeight &&
    before.AlignmentWeight == parameters.AlignmentWeight && (targets == self.Targets).all();
  if (same)
  {
    return;
  }
  if (before.Layout != parameters.Layout)
  {
    ChangeLayout(self.Position, parameters.Layout, targets, self.Targets);
  }
  self.Begin(0.5);
}

/** To be called where a step has other points, scales or weights than before. */
void EvolutionaryEmbedding::State::Forget()
{
  this->PlacedStep = -1;
  this->Losses.Step = -1;
}

/** Makes the points of a step repel each other, where they do not yet. */
void EvolutionaryEmbedding::State::Place(const Points& points, int step)
{
  if (this->PlacedStep != step)
  {
    this->PlacedStep = -1;
    this->Semantic->SetPoints(points);
    this->PlacedStep = step;
  }
}

/** The losses of the points of a step. */
const LossRecord& EvolutionaryEmbedding::State::Evaluate(const Points& points, int step)
{
  LossRecord& losses = this->Losses;
  if (losses.Step != step)
  {
    losses.Step = -1;
    this->Place(points, step);
    losses.Semantic = this->Semantic->Evaluate(this->SemanticParts);
    losses.Displacement = this->Displacement->Evaluate(points, this->DisplacementParts);
    losses.Alignment = this->Alignment->Evaluate(points, this->AlignmentParts);
    losses.Total = losses.Semantic + this->Parameters.DisplacementWeight * losses.Displacement +
      this->Parameters.AlignmentWeight * losses.Alignment;
    if (!std::isfinite(losses.Total))
    {
      throw Diverged(step);
    }
    losses.Step = step;
  }
  return losses;
}

void EvolutionaryEmbedding::State::Record()
{
  this->History.push_back(this->Evaluate(this->Position, this->Step));
}

void EvolutionaryEmbedding::State::Keep()
{
  const int wanted = this->Parameters.Snapshots;
  if (wanted == 0)
  {
    return;
  }
  const auto before = [&](int step)
  { return static_cast<std::int64_t>(step) * wanted / std::max(1, this->Parameters.Steps); };
  if (this->Step == 0 || before(this->Step) != before(this->Step - 1))
  {
    this->Snapshots.emplace_back(this->Step, this->Position);
  }
}

/** Share of the schedule that is done before a step. */
double EvolutionaryEmbedding::State::Done(int step) const
{
  return this->Skipped + (1.0 - this->Skipped) * step / std::max(1, this->Parameters.Steps);
}

/** Spreads the branches, if that is what the next step begins with; returns whether it is. */
bool EvolutionaryEmbedding::State::Spread()
{
  // Late, as branches are drawn together again; the last steps relax what was turned. A continued
  // run has to stay recognizable.
  constexpr double spreadAt = 0.7;
  const bool isTime = this->Skipped == 0.0 && !IsPlain(this->Parameters) &&
    this->Parameters.Layout == Layout::Radial &&
    this->Parameters.Scope == NeighborhoodScope::WithinIteration &&
    this->Done(this->Step) >= spreadAt && this->Done(this->Step - 1) < spreadAt;
  if (isTime)
  {
    SpreadBranches(this->Next, this->Position);
    this->Forget();
  }
  return isTime;
}

/** The first half of a step. */
void EvolutionaryEmbedding::State::SetGradient()
{
  const Phase phase = PhaseAt(this->Done(this->Step), this->Parameters);
  this->Place(this->Position, this->Step);
  this->Semantic->SetGradient(phase.Exaggeration, this->Gradient);
  this->Semantic->SetCurvature(this->Curvatures, this->Curvature);
  if (phase.DisplacementWeight > 0.0)
  {
    this->Displacement->AddGradient(this->Position, phase.DisplacementWeight, this->Gradient);
    this->Displacement->AddCurvature(this->Position, phase.DisplacementWeight, this->Curvature);
  }
  if (phase.AlignmentWeight > 0.0)
  {
    this->Alignment->AddGradient(this->Position, phase.AlignmentWeight, this->Gradient);
    this->Alignment->AddCurvature(this->Position, phase.AlignmentWeight, this->Curvature);
  }
}

/** The second half of a step. */
void EvolutionaryEmbedding::State::Move()
{
  const double momentum = PhaseAt(this->Done(this->Step), this->Parameters).Momentum;
  if (!this->Descent->Step(this->Position, this->Gradient, this->Curvature, momentum))
  {
    throw Diverged(this->Step);
  }
  ++this->Step;
  // The next step begins with this, as does the result of a stop: done before the monitor is asked,
  // it is not waited for twice.
  this->Place(this->Position, this->Step);
  if (this->Step % RecordEvery(this->Arrangement.Size()) == 0)
  {
    this->Record();
  }
  this->Keep();
}

void EvolutionaryEmbedding::Step()
{
  this->Self->Spread();
  this->Self->SetGradient();
  this->Self->Move();
}

bool EvolutionaryEmbedding::IsDone() const
{
  return this->Self->Step >= this->Self->Parameters.Steps;
}

void EvolutionaryEmbedding::Run(const Monitor& monitor)
{
  State& self = *this->Self;
  const auto goOn = [&]
  {
    return Continue(monitor, "Optimization",
      PreparationShare + (1.0 - PreparationShare) * self.Step / self.Parameters.Steps);
  };
  while (!this->IsDone() && goOn())
  {
    const bool areSpread = self.Spread();
    self.SetGradient();
    // Branches must not be spread anew.
    if (!areSpread && !goOn())
    {
      return;
    }
    self.Move();
  }
}

EmbeddingResult EvolutionaryEmbedding::GetResult(double step)
{
  State& self = *this->Self;
  const Points* points = &self.Position;
  int at = self.Step;
  for (auto kept = self.Snapshots.rbegin(); step < at && kept != self.Snapshots.rend(); ++kept)
  {
    at = kept->first;
    points = &kept->second;
  }
  EmbeddingResult result;
  result.Warnings = self.PerplexityWarnings;
  result.RingDisplacement = self.RingDisplacement;
  result.NeighborRecall = self.NeighborRecall;
  result.Step = at;
  result.Continued = self.Skipped > 0.0;
  const LossRecord& losses = self.Evaluate(*points, at);
  result.History = self.History;
  if (result.History.back().Step < self.Step && at == self.Step)
  {
    result.History.push_back(losses);
  }
  result.SetArrays(self.PlaceOf, *points, self.Targets, self.SemanticParts, self.DisplacementParts,
    self.AlignmentParts, self.PointThreads);
  return result;
}

EmbeddingResult Embed(
  const Elements& elements, const EmbeddingParameters& parameters, const Monitor& monitor)
{
  try
  {
    EvolutionaryEmbedding embedding(elements, parameters, monitor);
    embedding.Start(elements, parameters, monitor);
    embedding.Run(monitor);
    return embedding.GetResult();
  }
  catch (const Stopped&)
  {
    return {};
  }
}
}
