#include "medley/processes/observations.hpp"

namespace medley {

template <class... Values>
void Observations::keep(Kind kind, std::uint64_t rank, int of, const Values&... values) {
  const std::lock_guard lock(mutex_);
  parcel_.add(kind);
  parcel_.add(rank);
  parcel_.add(of);
  (parcel_.add(values), ...);
}

void Observations::loss(std::uint64_t rank, int term, double value, double weight) {
  keep(Kind::loss, rank, term, value, weight);
}
void Observations::loss_sums(std::uint64_t rank, int term, std::span<const double> sums) {
  keep(Kind::loss_sums, rank, term, sums);
}
void Observations::predicted(std::uint64_t rank, int metric, int label, int prediction,
                             std::uint64_t positions) {
  keep(Kind::predicted, rank, metric, label, prediction, positions);
}
void Observations::scored(std::uint64_t rank, int metric, const Score& score) {
  keep(Kind::scored, rank, metric, score);
}
void Observations::erred(std::uint64_t rank, int metric, double absolute, double squared,
                         int dimensions) {
  keep(Kind::erred, rank, metric, absolute, squared, dimensions);
}

void Observations::tell(Parcel& parcel, RecordObserver& observer) {
  while (!parcel.at_end()) {
    const auto kind = parcel.take<Kind>();
    const auto rank = parcel.take<std::uint64_t>();
    const auto of = parcel.take<int>();
    switch (kind) {
      case Kind::loss: {
        const auto value = parcel.take<double>(), weight = parcel.take<double>();
        observer.loss(rank, of, value, weight);
        break;
      }
      case Kind::loss_sums:
        observer.loss_sums(rank, of, parcel.take_all<double>());
        break;
      case Kind::predicted: {
        const auto label = parcel.take<int>(), prediction = parcel.take<int>();
        observer.predicted(rank, of, label, prediction, parcel.take<std::uint64_t>());
        break;
      }
      case Kind::scored:
        observer.scored(rank, of, parcel.take<Score>());
        break;
      case Kind::erred: {
        const auto absolute = parcel.take<double>(), squared = parcel.take<double>();
        observer.erred(rank, of, absolute, squared, parcel.take<int>());
        break;
      }
    }
  }
}

}  // namespace medley
