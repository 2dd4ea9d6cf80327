// Settings arrive as they were sent: every mix, every number of it, to the last bit.
#include "medley/processes/settings_parcel.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "medley/mixes/all.hpp"
#include "tests/scripted_engine.hpp"

namespace medley {
namespace {

std::vector<AnyMix> all_mixes() {
  const auto mixes = compiled_mixes(parts_of(every_mix));
  return {mixes.begin(), mixes.end()};
}

Description with_all_mixes() {
  Description d = testing::scripted_description();
  d.mixes = all_mixes();
  return d;
}

Settings passed_on(const Settings& settings, SettingsParcel& taken) {
  Parcel sent;
  add_settings(sent, settings);
  Parcel received(std::vector<std::byte>(sent.bytes().begin(), sent.bytes().end()));
  taken.take(received, with_all_mixes());
  EXPECT_TRUE(received.at_end());
  return taken.settings;
}

void expect_same(const MixChoice& found, const MixChoice& sent) {
  ASSERT_EQ(found.mix.type(), sent.mix.type());
  for (std::size_t i = 0; i < sent.mix.option_count(); ++i)
    EXPECT_EQ(found.mix.get(i), sent.mix.get(i)) << sent.mix.option(i).name;
  for (std::size_t i = 0; i < sent.mix.loss_option_count(); ++i)
    for (std::size_t loss = 0; loss < most_losses; ++loss)
      EXPECT_EQ(found.mix.get(i, loss), sent.mix.get(i, loss)) << loss;
  for (std::size_t i = 0; i < Composition::options.size(); ++i)
    EXPECT_EQ(found.with.get(i), sent.with.get(i)) << Composition::options[i].name;
}

// A number that an option allows and does not have by itself; no double that is short in decimal.
double another(const MixOptionInfo& option, double now) {
  if (!option.names.empty()) return now == 0.0 ? 1.0 : 0.0;
  if (option.whole) return option.least + 3.0;
  return option.least + (std::min(option.most, 1e6) - option.least) / 3.0;
}

TEST(SettingsParcel, EveryNumberOfEveryMixArrives) {
  int numbers = 0;
  for (const AnyMix& mix : all_mixes()) {
    SCOPED_TRACE(std::string(mix.type()));
    Settings settings;
    MixChoice& choice = settings.mix[1];
    choice.mix = mix;
    for (std::size_t i = 0; i < mix.option_count(); ++i, ++numbers) {
      const MixOptionInfo option = mix.option(i);
      if (option.names.size() != 1) choice.mix.set(i, another(option, mix.get(i)));
      EXPECT_NE(choice.mix.get(i), mix.get(i));
    }
    for (std::size_t i = 0; i < mix.loss_option_count(); ++i)
      for (std::size_t loss = 0; loss < most_losses; ++loss, ++numbers)
        choice.mix.set(i, loss, 1.0 / (3.0 + static_cast<double>(loss)));
    SettingsParcel taken;
    const Settings found = passed_on(settings, taken);
    expect_same(found.mix[1], choice);
    EXPECT_EQ(found.mix[0].mix.type(), WeightedSum::type);
  }
  EXPECT_GT(numbers, 20);
}

TEST(SettingsParcel, WhatGoesWithAMixArrives) {
  Settings settings;
  Composition& with = settings.mix[0].with;
  with = {.map = Composition::logarithm,
          .bound = -1.0 / 3.0,
          .smoothing = 0.7,
          .length = Composition::match,
          .refresh = 5.0,
          .values = Composition::batch,
          .gradients = Composition::output};
  SettingsParcel taken;
  expect_same(passed_on(settings, taken).mix[0], settings.mix[0]);
}

TEST(SettingsParcel, AllElseArrives) {
  const std::vector<std::uint32_t> frozen{0, 3, all_epochs};
  const std::vector<double> scale{1.0, 1.0 / 3.0};
  Settings s;
  s.seed = ~std::uint64_t{0} - 1;
  s.batch_size = 43;
  s.shuffle = false;
  s.augment = false;
  s.augmentation.flip = !s.augmentation.flip;
  s.augmentation.shift = 3;
  s.clip_norm = 0.1;
  s.mode = 2;
  s.learning_rate = {0.1, 1e-30};
  s.weight = {1.0 / 7.0, -std::numeric_limits<double>::denorm_min()};
  s.epochs = 12;
  s.steps = 345;
  s.frozen_epochs = frozen;
  s.rate_scale = scale;
  s.threads = 7;
  SettingsParcel taken;
  const Settings found = passed_on(s, taken);
  EXPECT_EQ(found.seed, s.seed);
  EXPECT_EQ(found.batch_size, s.batch_size);
  EXPECT_EQ(found.shuffle, s.shuffle);
  EXPECT_EQ(found.augment, s.augment);
  EXPECT_EQ(found.augmentation.flip, s.augmentation.flip);
  EXPECT_EQ(found.augmentation.shift, s.augmentation.shift);
  EXPECT_EQ(found.clip_norm, s.clip_norm);
  EXPECT_EQ(found.mode, s.mode);
  EXPECT_EQ(found.learning_rate, s.learning_rate);
  EXPECT_EQ(found.weight, s.weight);
  EXPECT_EQ(found.epochs, s.epochs);
  EXPECT_EQ(found.steps, s.steps);
  EXPECT_TRUE(std::ranges::equal(found.frozen_epochs, frozen));
  EXPECT_TRUE(std::ranges::equal(found.rate_scale, scale));
  EXPECT_EQ(found.threads, 1);  // each process has its own
  EXPECT_EQ(found.source, nullptr);
}

}  // namespace
}  // namespace medley
