// The targets of records from the texts of a table's cells: classes that become numbers, values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "medley/import/decimals.hpp"
#include "medley/import/import.hpp"
#include "medley/import/picture_table.hpp"

namespace medley {

// What columns, classes, missing, positive and min_counts of the request say holds here. Both arguments must outlive this.
class TargetColumns {
 public:
  TargetColumns(const ImportRequest& request, const PictureTable& table);

  // Whether a cell says that its row's value is not known.
  bool not_known(std::string_view cell) const;
  // Reads the targets of the next record, or changes nothing and says what is wrong with a cell.
  std::string read(const std::vector<std::string>& fields);
  // The weight in a cell; else says what is wrong with it.
  std::string read_weight(std::size_t column, const std::string& text, float& weight);
  // After the last record: texts that mean the same are one class, of which each `note` tells one. Throws data_error where
  // points and commas contradict each other.
  void finish(const std::function<void(std::string)>& note);
  // Whether a class of the record has fewer records than its min_count.
  bool is_rare(std::size_t record) const;
  // Numbers a target's classes, those that occur in records that are kept, or that are listed; their names in order, none
  // of a target that is no class or of which nothing is known. Throws data_error where they are not as many as the experiment has.
  std::vector<std::string> number(std::size_t target, const std::function<bool(std::size_t)>& kept);

  // Then, of a record: its targets, and its classes, those of all targets numbered one after the other.
  void fill(std::size_t record, Record& out) const;
  void classes(std::size_t record, std::vector<std::uint32_t>& out) const;

  std::size_t size() const { return targets_.size(); }
  const TargetSpec& spec(std::size_t target) const { return targets_[target].spec; }
  // The column of a target's classes, if they are a column's.
  std::optional<std::size_t> column_of_classes(std::size_t target) const;
  // For a description of where the data are from.
  nlohmann::json provenance() const;

 private:
  static constexpr std::uint32_t missing_class = 0xFFFFFFFF;

  // What a target has read so far.
  struct Column {
    TargetSpec spec;
    std::vector<std::size_t> columns;  // none: nothing is known of it
    std::vector<float> values;         // of all records, `size` each
    std::vector<std::uint32_t> texts;  // of all records: index into names, or missing_class
    std::vector<std::string> names;    // in order of appearance
    std::unordered_map<std::string, std::uint32_t> index;
    std::vector<std::uint64_t> counts;  // records of each name
    std::vector<std::int32_t> numbers;  // class number of each name; negative: left out
    bool listed = false;                // `names` were given, in their order

    bool has_classes() const { return spec.kind == TargetKind::classes && !columns.empty(); }
  };

  void add_target(const TargetSpec& spec);
  Column& find_classes(std::string_view option, std::string_view name);
  void list_classes(const std::string& name, const std::vector<std::string>& classes);
  void check_positive(const std::string& name);
  bool decimal_comma() const;
  std::string check_text(const std::vector<std::string>& fields, const Column& target) const;
  std::string read_values(const std::vector<std::string>& fields, const Column& target,
                          std::vector<float>& out);
  void read_text(const std::string& text, Column& target);
  void merge_same(Column& target, const std::function<void(std::string)>& note);
  void refuse_missing(const Column& target, std::span<const std::uint64_t> counts) const;
  std::vector<std::string> found_classes(const Column& target,
                                         const std::function<bool(std::size_t)>& kept) const;
  const std::string& column_name(const Column& target) const {
    return table_.header()[target.columns[0]];
  }

  const ImportRequest& request_;
  const PictureTable& table_;
  Decimals decimals_;
  std::vector<Column> targets_;
};

}  // namespace medley
