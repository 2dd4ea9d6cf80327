// What an evaluation tells of single records, kept in one process and told again in another.
#pragma once

#include <mutex>

#include "medley/engine/record_observer.hpp"
#include "medley/processes/parcel.hpp"

namespace medley {

class Observations final : public RecordObserver {
 public:
  void loss(std::uint64_t rank, int term, double value, double weight) override;
  void loss_sums(std::uint64_t rank, int term, std::span<const double> sums) override;
  void predicted(std::uint64_t rank, int metric, int label, int prediction,
                 std::uint64_t positions) override;
  void scored(std::uint64_t rank, int metric, const Score& score) override;
  void erred(std::uint64_t rank, int metric, double absolute, double squared,
             int dimensions) override;

  const Parcel& parcel() const { return parcel_; }
  // Tells another what is in a parcel.
  static void tell(Parcel& parcel, RecordObserver& observer);

 private:
  enum class Kind : std::uint32_t { loss, loss_sums, predicted, scored, erred };
  template <class... Values>
  void keep(Kind kind, std::uint64_t rank, int of, const Values&... values);

  std::mutex mutex_;
  Parcel parcel_;
};

}  // namespace medley
