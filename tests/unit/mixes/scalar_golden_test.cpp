// Weights of scalarizations over some steps against LibMTL, FAMO and PyTorch.
#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "medley/mixes/auto_lambda.hpp"
#include "medley/mixes/constrained.hpp"
#include "medley/mixes/dwa.hpp"
#include "medley/mixes/famo.hpp"
#include "medley/mixes/geometric.hpp"
#include "medley/mixes/gradnorm.hpp"
#include "medley/mixes/log_sum.hpp"
#include "medley/mixes/random_weights.hpp"
#include "medley/mixes/raw_blend.hpp"
#include "medley/mixes/tchebycheff.hpp"
#include "medley/mixes/trained_blend.hpp"
#include "medley/mixes/uncertainty.hpp"
#include "medley/mixes/uw_so.hpp"
#include "unit/mixes/stepped_mix.hpp"

namespace medley {
namespace {

using Row = std::vector<double>;

// Sets what the case names; every name must be an option.
template <class M>
void set_options(M& mix, const nlohmann::json& options) {
  std::size_t known = 0;
  for (const auto& option : mix_options<M>()) {
    const auto found = options.find(std::string(option.name));
    if (found == options.end()) continue;
    ++known;
    if (option.choice == nullptr) {
      mix.*option.number = found->template get<double>();
      continue;
    }
    mix.*option.choice = -1;
    for (std::size_t i = 0; i < option.names.size(); ++i) {
      if (option.names[i] == found->template get<std::string>()) {
        mix.*option.choice = static_cast<int>(i);
      }
    }
  }
  EXPECT_EQ(known, options.size());
  EXPECT_TRUE(has_valid_options(mix));
}

template <class M>
void expect_weights(const nlohmann::json& test) {
  const auto values = test["values"].get<std::vector<Row>>();
  const auto weights = test["weights"].get<std::vector<Row>>();
  SteppedMix<M> stepped(values[0]);
  set_options(stepped.mix, test["options"]);
  if constexpr (requires { stepped.mix.limit; }) {
    for (std::size_t k = 1; k < stepped.losses; ++k) stepped.mix.limit[k] = test["limits"][k - 1];
    EXPECT_TRUE(has_valid_options(stepped.mix));
  }
  stepped.rate = test.value("rate", 0.05);
  const double factor = test["factor"], tolerance = test["tolerance"];
  for (std::size_t t = 0; t < values.size(); ++t) {
    stepped.values = values[t];
    stepped.epoch = static_cast<std::uint32_t>(t / test.value("steps_an_epoch", 100u));
    if (test.contains("after")) stepped.after = test["after"][t].get<Row>();
    if (test.contains("along")) stepped.along = test["along"][t].get<Row>();
    if (test.contains("lengths")) stepped.set_lengths(test["lengths"][t].get<Row>());
    const Row found = stepped.weights();
    for (std::size_t k = 0; k < stepped.losses; ++k) {
      EXPECT_NEAR(found[k], factor * weights[t][k], tolerance * factor * std::fabs(weights[t][k]))
          << "loss " << k << " in step " << t;
    }
    stepped.update();
  }
}

TEST(ScalarMixes, AgreeWithTheirReferences) {
  std::ifstream file("tests/golden/mixes_scalar.json");
  const auto all = nlohmann::json::parse(file);
  const std::map<std::string, void (*)(const nlohmann::json&)> known{
      {"uncertainty", expect_weights<Uncertainty>},
      {"raw_blend", expect_weights<RawBlend>},
      {"famo", expect_weights<Famo>},
      {"gradnorm", expect_weights<GradNorm>},
      {"auto_lambda", expect_weights<AutoLambda>},
      {"geometric", expect_weights<Geometric>},
      {"log_sum", expect_weights<LogSum>},
      {"uw_so", expect_weights<UncertaintySoftOptimal>},
      {"random", expect_weights<RandomWeights>},
      {"dwa", expect_weights<DynamicWeightAverage>},
      {"tchebycheff", expect_weights<Tchebycheff>},
      {"trained_blend", expect_weights<TrainedBlend>},
      {"constrained", expect_weights<Constrained>}};
  std::map<std::string, int> compared;
  for (const auto& test : all["cases"]) {
    const std::string mix = test["mix"];
    SCOPED_TRACE(mix + " of " + std::to_string(test["values"][0].size()) + " losses, " +
                 test["options"].dump());
    ASSERT_TRUE(known.contains(mix));
    known.at(mix)(test);
    ++compared[mix];
  }
  EXPECT_EQ(compared.size(), known.size());
  for (const auto& [mix, count] : compared) EXPECT_GE(count, 5) << mix;
}

}  // namespace
}  // namespace medley
