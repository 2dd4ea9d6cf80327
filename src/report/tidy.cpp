#include "medley/report/tidy.hpp"

#include <algorithm>
#include <functional>

#include "medley/base/error.hpp"
#include "medley/files/atomic_file.hpp"
#include "medley/files/csv.hpp"

namespace medley::page {

namespace fs = std::filesystem;

namespace {

using Strings = std::vector<std::string>;

// A file that is begun with its first row, so that there is none without rows.
class TidyFile {
 public:
  TidyFile(const Folder& folder, std::string name, std::string_view header)
      : file_(folder), name_(std::move(name)), text_(header) {
    text_ += '\n';
  }

  void add(std::string_view rows) {
    if (rows.empty()) return;
    if (!begun_) file_.begin(name_).or_throw();
    begun_ = true;
    text_ += rows;
    flush();
  }
  void commit() {
    if (begun_) file_.commit().or_throw();
  }

 private:
  void flush() {
    file_.write(std::as_bytes(std::span(text_))).or_throw();
    text_.clear();
  }

  AtomicFile file_;
  std::string name_, text_;
  bool begun_ = false;
};

// Rows "<start><keys>,name,value" of all cells that are filled, but of the key columns and `epoch`.
std::string tidy_rows(const LogTable& table, const std::string& start, const Strings& keys) {
  std::vector<std::optional<std::size_t>> places;
  for (const std::string& key : keys) places.push_back(table.column(key));
  std::string rows;
  for (std::size_t r = 0; r < table.size(); ++r) {
    const Strings fields = table.fields(r);
    std::string row = start;
    for (const auto& at : places) row += (at ? csv_field(fields[*at]) : std::string{}) + ",";
    for (std::size_t c = 0; c < fields.size(); ++c) {
      const bool is_key = std::ranges::find(places, std::optional(c)) != places.end();
      if (is_key || fields[c].empty() || table.header()[c] == "epoch") continue;
      rows += row + csv_field(table.header()[c]) + "," + csv_field(fields[c]) + "\n";
    }
  }
  return rows;
}

std::string confusion_rows(const RunFiles& run) {
  std::string rows;
  for (const Confusion& confusion : run.confusions) {
    const LogTable& counts = confusion.counts;
    for (std::size_t r = 0; r < counts.size(); ++r) {
      const Strings fields = counts.fields(r);
      for (std::size_t c = 1; c < fields.size(); ++c)
        rows += csv_field(run.name) + "," + csv_field(confusion.target) + "," +
                csv_field(confusion.split) + "," + csv_field(fields[0]) + "," +
                csv_field(counts.header()[c]) + "," + csv_field(fields[c]) + "\n";
    }
  }
  return rows;
}

std::string option_rows(const RunFiles& run) {
  std::string rows;
  for (const auto& [option, value] : run.options)
    rows += csv_field(run.name) + "," + csv_field(option) + "," + csv_field(value) + "\n";
  return rows;
}

Folder made(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw io_error(path.string() + ": cannot be made: " + error.message());
  return Folder(path);
}

}  // namespace

void write_tidy(std::span<const RunFiles> runs, const fs::path& path) {
  const Folder folder = made(path);
  const auto write = [&](const char* name, const char* header,
                         const std::function<std::string(const RunFiles&)>& rows) {
    TidyFile file(folder, name, header);
    for (const RunFiles& run : runs) file.add(rows(run));
    file.commit();
  };
  const auto log = [&](const char* name, std::optional<LogTable> RunFiles::*table) {
    write(name, "run,step,split,name,value", [table](const RunFiles& run) {
      return run.*table ? tidy_rows(*(run.*table), csv_field(run.name) + ",", {"step", "split"})
                        : std::string{};
    });
  };
  log("losses.csv", &RunFiles::losses);
  log("metrics.csv", &RunFiles::metrics);
  log("diagnostics.csv", &RunFiles::diagnostics);
  log("timing.csv", &RunFiles::timing);
  log("range-test.csv", &RunFiles::range_test);
  write("learning-rate.csv", "run,step,split,name,value", [](const RunFiles& run) {
    const auto rates =
        run.losses ? learning_rates(run, run.losses->all_rows()) : std::optional<LogTable>{};
    return rates ? tidy_rows(*rates, csv_field(run.name) + ",", {"step", "split"}) : std::string{};
  });
  write("confusion.csv", "run,target,split,true,predicted,count", confusion_rows);
  write("options.csv", "run,name,value", option_rows);
}

void write_tidy(const StudyFiles& study, const fs::path& path) {
  const Folder folder = made(path);
  const auto write = [&](const char* name, const std::optional<LogTable>& table, const char* key) {
    if (!table) return;
    TidyFile file(folder, name, std::string(key) + ",name,value");
    file.add(tidy_rows(*table, "", {key}));
    file.commit();
  };
  write("settings.csv", study.settings, "setting");
  write("trials.csv", study.trials, "trial");
  if (!study.test) return;
  TidyFile test(folder, "test.csv", "name,value,standard_error");
  const std::string csv = study.test->csv(study.test->all_rows());
  test.add(std::string_view(csv).substr(csv.find('\n') + 1));
  test.commit();
}

}  // namespace medley::page
