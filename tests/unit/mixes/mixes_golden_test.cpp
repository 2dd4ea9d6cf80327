// Gramian mixes against TorchJD and LibMTL: tests/golden/mixes_gramian.py, which also says what of
// the references is set aside, and why.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "medley/mixes/aligned_mtl.hpp"
#include "medley/mixes/cagrad.hpp"
#include "medley/mixes/db_mtl.hpp"
#include "medley/mixes/dual_projection.hpp"
#include "medley/mixes/equal_angles.hpp"
#include "medley/mixes/fairgrad.hpp"
#include "medley/mixes/gradvac.hpp"
#include "medley/mixes/mgda.hpp"
#include "medley/mixes/pcd.hpp"
#include "medley/mixes/pcgrad.hpp"
#include "medley/mixes/upgrad.hpp"
#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

using Weights = std::vector<double>;

const nlohmann::json& golden() {
  static const nlohmann::json all = [] {
    std::ifstream file("tests/golden/mixes_gramian.json");
    EXPECT_TRUE(file) << "tests run from the project's folder";
    return nlohmann::json::parse(file);
  }();
  return all;
}

struct Reference {
  std::function<Weights(GramianStep&)> weights;
  double tolerance = 1e-6;  // of the largest weight
};

template <class M>
Reference reference(const M& mix, double tolerance = 1e-6) {
  return {[mix](GramianStep& step) { return step.weights(mix); }, tolerance};
}

// The tolerances are what the references' own solvers reach: about 1e-6 where it is a quadratic
// program with 1e-11 on its diagonal, 1e-5 and less for nonlinear ones.
const std::map<std::string, Reference>& torchjd() {
  static const std::map<std::string, Reference> all{
      {"upgrad", reference(UpGrad{})},
      {"dual_projection", reference(DualProjection{})},
      {"cagrad:c=0.4", reference(CaGrad{.c = 0.4, .rescale = 1}, 1e-2)},
      {"cagrad:c=1.5", reference(CaGrad{.c = 1.5, .rescale = 1}, 1e-2)},
      {"equal_angles", reference(EqualAngles{}, 1e-9)},
      {"equal_angles:form=imtl", reference(EqualAngles{.form = 1}, 1e-9)},
      {"fairgrad:alpha=0.5", reference(FairGrad{.alpha = 0.5}, 1e-5)},
      {"fairgrad:alpha=1", reference(FairGrad{}, 1e-5)},
      {"fairgrad:alpha=2", reference(FairGrad{.alpha = 2.0}, 1e-5)},
      {"aligned_mtl:scale=min", reference(AlignedMtl{}, 1e-9)},
      {"aligned_mtl:scale=median", reference(AlignedMtl{.scale = 1}, 1e-9)},
      {"aligned_mtl:scale=mean", reference(AlignedMtl{.scale = 2}, 1e-9)},
  };
  return all;
}

const std::map<std::string, Reference>& libmtl() {
  static const std::map<std::string, Reference> all{
      {"upgrad", reference(UpGrad{})},
      {"cagrad:c=0.4", reference(CaGrad{.c = 0.4}, 1e-3)},
      {"equal_angles:form=imtl", reference(EqualAngles{.form = 1}, 1e-8)},
      {"fairgrad:alpha=1", reference(FairGrad{}, 1e-5)},
      {"fairgrad:alpha=2", reference(FairGrad{.alpha = 2.0}, 1e-5)},
      {"aligned_mtl:scale=min", reference(AlignedMtl{}, 1e-9)},
      {"db_mtl", reference(DbMtl{}, 1e-6)},
      {"pcgrad", reference(PcGrad{}, 1e-6)},
      {"mgda:normalize=none", reference(Mgda{}, 1e-6)},
      {"mgda:normalize=l2", reference(Mgda{.normalize = 1}, 1e-6)},
      {"mgda:normalize=loss", reference(Mgda{.normalize = 2}, 1e-6)},
      {"mgda:normalize=loss+", reference(Mgda{.normalize = 3}, 1e-6)},
  };
  return all;
}

void expect_near(const Weights& found, const Weights& wanted, double tolerance) {
  ASSERT_EQ(found.size(), wanted.size());
  double largest = 0.0;
  for (const double w : wanted) largest = std::max(largest, std::fabs(w));
  for (std::size_t k = 0; k < found.size(); ++k) {
    EXPECT_NEAR(found[k], wanted[k], tolerance * largest) << "loss " << k;
  }
}

// Whether preferences are part of what a reference was given.
bool takes_preference(const std::string& name) {
  return name == "upgrad" || name == "dual_projection" || name == "equal_angles" ||
         name.starts_with("aligned_mtl");
}

GramianStep step_of(const nlohmann::json& one, bool with_preference) {
  GramianStep step(one.at("rows").get<Gradients>());
  if (with_preference) step.own = one.at("own").get<Weights>();
  step.values = one.at("values").get<Weights>();
  return step;
}

// The Gramian of the losses' logarithms, as the map that goes before a mix makes it.
void take_logarithms(GramianStep& step) {
  const std::size_t losses = step.own.size();
  for (std::size_t i = 0; i < losses; ++i) {
    for (std::size_t j = 0; j < losses; ++j) {
      step.products[i * losses + j] /= step.values[i] * step.values[j];
    }
  }
}

TEST(MixesGolden, TorchJd) {
  int compared = 0;
  for (const nlohmann::json& one : golden().at("cases")) {
    for (const auto& [name, wanted] : one.at("torchjd").items()) {
      if (name == "mgda" || wanted.is_null()) continue;
      SCOPED_TRACE(name + " of " + std::to_string(one.at("rows").size()));
      GramianStep step = step_of(one, takes_preference(name));
      expect_near(torchjd().at(name).weights(step), wanted.get<Weights>(),
                  torchjd().at(name).tolerance);
      ++compared;
    }
  }
  EXPECT_GE(compared, 12 * 19);
}

TEST(MixesGolden, LibMtl) {
  int compared = 0;
  for (const nlohmann::json& one : golden().at("cases")) {
    for (const auto& [name, wanted] : one.at("libmtl").items()) {
      if (wanted.is_null()) continue;
      SCOPED_TRACE(name + " of " + std::to_string(one.at("rows").size()));
      GramianStep step = step_of(one, false);
      if (name == "db_mtl") take_logarithms(step);
      Weights found = libmtl().at(name).weights(step);
      // Its weights are of the gradients before the map.
      for (std::size_t k = 0; name == "db_mtl" && k < found.size(); ++k) found[k] /= step.values[k];
      expect_near(found, wanted.get<Weights>(), libmtl().at(name).tolerance);
      ++compared;
    }
  }
  EXPECT_GE(compared, 7 * 19 + 8);
}

// Its steps come near the shortest from above.
TEST(MixesGolden, MgdaIsNoLongerThanTorchJdOnes) {
  for (const nlohmann::json& one : golden().at("cases")) {
    const auto g = one.at("rows").get<Gradients>();
    GramianStep step(g);
    const double ours = norm(combined(g, step.weights(Mgda{})));
    const double theirs = norm(combined(g, one.at("torchjd").at("mgda").get<Weights>()));
    EXPECT_LE(ours, theirs * (1.0 + 1e-7));
    EXPECT_GE(ours, theirs * (1.0 - 1e-3));
  }
}

double least_gain_of(const Gradients& g, const Gradient& direction) {
  double least = 1e300;
  for (const Gradient& row : g) least = std::min(least, dot(row, direction));
  return least;
}

// How well it solves what both are to solve: the least gain within the radius.
TEST(MixesGolden, CaGradGainsNoLessThanTorchJdOnes) {
  for (const nlohmann::json& one : golden().at("cases")) {
    const auto g = one.at("rows").get<Gradients>();
    const Gradient mean = combined(g, Weights(g.size(), 1.0 / static_cast<double>(g.size())));
    for (const double c : {0.4, 1.5}) {
      const std::string name = c < 1.0 ? "cagrad:c=0.4" : "cagrad:c=1.5";
      GramianStep step(g);
      Gradient ours = combined(g, step.weights(CaGrad{.c = c, .rescale = 1}));
      const Gradient theirs = combined(g, one.at("torchjd").at(name).get<Weights>());
      const double wanted = least_gain_of(g, theirs);
      EXPECT_GE(least_gain_of(g, ours), wanted - 1e-7 * std::fabs(wanted)) << name;
      for (std::size_t i = 0; i < ours.size(); ++i) ours[i] -= mean[i];
      EXPECT_LE(norm(ours), c * norm(mean) * (1.0 + 1e-9)) << name;
    }
  }
}

TEST(MixesGolden, PcGradIsOneOfItsOrders) {
  int compared = 0;
  for (const nlohmann::json& one : golden().at("cases")) {
    if (!one.contains("pcgrad_orders")) continue;
    GramianStep step(one.at("rows").get<Gradients>());
    const Weights found = step.weights(PcGrad{});
    double least = 1e300;
    for (const nlohmann::json& order : one.at("pcgrad_orders")) {
      double distance = 0.0;
      for (std::size_t k = 0; k < found.size(); ++k) {
        distance = std::max(distance, std::fabs(found[k] / order.at(k).get<double>() - 1.0));
      }
      least = std::min(least, distance);
    }
    EXPECT_LE(least, 1e-9);
    ++compared;
  }
  EXPECT_EQ(compared, 8);
}

template <class M>
void expect_sequence(const nlohmann::json& sequence, const M& mix, double tolerance) {
  GramianStep kept(sequence.at("steps")[0].at("rows").get<Gradients>());
  for (const nlohmann::json& one : sequence.at("steps")) {
    kept.products = products_of(one.at("rows").get<Gradients>());
    const Weights found = kept.weights(mix);
    expect_near(found, one.at("torchjd").get<Weights>(), tolerance);
    if (one.contains("libmtl")) expect_near(found, one.at("libmtl").get<Weights>(), 1e-6);
    kept.update(mix);
  }
}

TEST(MixesGolden, PcdOverSteps) {
  for (const nlohmann::json& sequence : golden().at("pcd")) {
    const nlohmann::json& options = sequence.at("options");
    expect_sequence(sequence, Pcd{.tau = options.at("tau"), .beta = options.at("beta")}, 1e-6);
  }
}

TEST(MixesGolden, GradVacOverSteps) {
  for (const nlohmann::json& sequence : golden().at("gradvac")) {
    expect_sequence(sequence, GradVac{.beta = sequence.at("options").at("beta")}, 1e-9);
  }
}

}  // namespace
}  // namespace medley::testing
