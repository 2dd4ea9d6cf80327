#include "medley/processes/settings_parcel.hpp"

#include <algorithm>

namespace medley {

namespace {

void add_mix(Parcel& parcel, const MixChoice& choice) {
  parcel.add(choice.mix.type());
  for (std::size_t i = 0; i < choice.mix.option_count(); ++i) parcel.add(choice.mix.get(i));
  for (std::size_t i = 0; i < choice.mix.loss_option_count(); ++i)
    for (std::size_t loss = 0; loss < most_losses; ++loss) parcel.add(choice.mix.get(i, loss));
  parcel.add(choice.with);
}

// One of this type that a group or the experiment lists; its numbers are those that follow.
AnyMix listed_mix(std::string_view type, const Description& d) {
  const auto find = [&](const std::vector<AnyMix>& mixes) {
    return std::ranges::find(mixes, type, &AnyMix::type);
  };
  for (const ModeInfo& mode : d.modes) {
    for (const GroupInfo& group : mode.groups) {
      if (const auto own = find(group.own_mixes); own != group.own_mixes.end()) return *own;
    }
  }
  const auto found = find(d.mixes);
  return found == d.mixes.end() ? AnyMix{} : *found;
}

MixChoice take_mix(Parcel& parcel, const Description& d) {
  MixChoice choice;
  choice.mix = listed_mix(parcel.take_text(), d);
  for (std::size_t i = 0; i < choice.mix.option_count(); ++i)
    choice.mix.set(i, parcel.take<double>());
  for (std::size_t i = 0; i < choice.mix.loss_option_count(); ++i)
    for (std::size_t loss = 0; loss < most_losses; ++loss)
      choice.mix.set(i, loss, parcel.take<double>());
  parcel.take(choice.with);
  return choice;
}

}  // namespace

void add_settings(Parcel& parcel, const Settings& s) {
  parcel.add(s.seed);
  parcel.add(s.batch_size);
  parcel.add(s.shuffle);
  parcel.add(s.augment);
  parcel.add(s.augmentation);
  parcel.add(s.clip_norm);
  parcel.add(s.mode);
  parcel.add(s.learning_rate);
  parcel.add(s.weight);
  for (const MixChoice& choice : s.mix) add_mix(parcel, choice);
  parcel.add(s.epochs);
  parcel.add(s.steps);
  parcel.add(s.frozen_epochs);
  parcel.add(s.rate_scale);
}

void SettingsParcel::take(Parcel& parcel, const Description& d) {
  Settings& s = settings;
  parcel.take(s.seed);
  parcel.take(s.batch_size);
  parcel.take(s.shuffle);
  parcel.take(s.augment);
  parcel.take(s.augmentation);
  parcel.take(s.clip_norm);
  parcel.take(s.mode);
  parcel.take(s.learning_rate);
  parcel.take(s.weight);
  for (MixChoice& choice : s.mix) choice = take_mix(parcel, d);
  parcel.take(s.epochs);
  parcel.take(s.steps);
  frozen_epochs_ = parcel.take_all<std::uint32_t>();
  rate_scale_ = parcel.take_all<double>();
  s.frozen_epochs = frozen_epochs_;
  s.rate_scale = rate_scale_;
}

}  // namespace medley
