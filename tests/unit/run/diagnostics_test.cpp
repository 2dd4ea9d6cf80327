// diagnostics.csv against figures worked out by hand.
#include "medley/run/diagnostics.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <sstream>

#include "files_helpers.hpp"

namespace medley::testing {
namespace {

using Cells = std::map<std::string, std::string>;

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream text(line);
  for (std::string cell; std::getline(text, cell, ',');) cells.push_back(cell);
  return cells;
}

class DiagnosticsCsv : public ::testing::Test {
 protected:
  DiagnosticsCsv() {
    for (const char* name : {"a", "b", "c"}) {
      TermInfo term;
      term.name = name;
      term.is_penalty = *name == 'c';
      d.terms.push_back(term);
    }
    GroupInfo group;
    group.name = "all";
    group.term_set = 7;
    d.groups = {group};
    report.weight = {2.0, 0.5, 1e-4};
    // g_a = (3, 0), g_b = (0.6, 0.8)
    diagnosis.product[0] = {9.0, 1.8};
    diagnosis.product[1] = {1.8, 1.0};
    diagnosis.halves[0] = {4.0, 0.5};
    diagnosis.halves[1] = {1.5, 0.25};
    diagnosis.predicted = {-0.25, 0.5};
    diagnosis.real = {-0.125, 0.75};
    diagnosis.value = {2.0, 4.0};
    diagnosis.exact_weight = {2.0, 0.5};
    diagnosis.measured = {true, true};
    diagnosis.ahead[0] = {1.5, 3.0};
    diagnosis.ahead[1] = {2.0, 5.0};
  }
  Cells written(bool looks_ahead) {
    std::filesystem::remove(folder.path() / "diagnostics.csv");
    Diagnostics file(d, folder.path(), 0, looks_ahead);
    const std::array own{1.0, 1.0, 1e-4};
    const std::array rate{0.1};
    EXPECT_TRUE(file.write(3, 40, report, diagnosis, own, rate).ok());
    const std::string text = read_text(folder.path() / "diagnostics.csv");
    EXPECT_EQ(file.bytes(), text.size());
    std::istringstream lines(text);
    std::string header, row;
    std::getline(lines, header), std::getline(lines, row);
    const auto names = split(header.substr(0, header.size() - 1));
    const auto cells = split(row.substr(0, row.size() - 1));
    EXPECT_EQ(names.size(), cells.size());
    Cells found;
    for (std::size_t i = 0; i < std::min(names.size(), cells.size()); ++i)
      found[names[i]] = cells[i];
    return found;
  }
  void expect(Cells& cells, const std::string& name, double value) {
    ASSERT_TRUE(cells.count(name)) << name;
    EXPECT_NEAR(std::stod(cells[name]), value, 1e-7 * std::max(1.0, std::fabs(value))) << name;
  }

  TemporaryFolder folder;
  Description d;
  StepReport report;
  Diagnosis diagnosis;
};

TEST_F(DiagnosticsCsv, HasWhatItsHeaderSays) {
  Cells cells = written(false);
  expect(cells, "epoch", 3), expect(cells, "step", 40);
  expect(cells, "a.contribution", 6.0), expect(cells, "b.contribution", 0.5);
  expect(cells, "a.share", 6.0 / 6.5);
  expect(cells, "a.predicted", -0.25), expect(cells, "b.real", 0.75);
  expect(cells, "a.control", 4.0 / (18.0 - 4.0)), expect(cells, "b.control", 0.25 / 1.75);
  expect(cells, "similarity.a.b", 6.0 / 10.0);
  expect(cells, "corrected.a.b", 1.0 / std::sqrt(4.0 * 0.25));
  expect(cells, "affinity.a.b", 0.1 * 1.8 / 4.0), expect(cells, "affinity.b.a", 0.1 * 1.8 / 2.0);
  // Eigenvalues of (9 1.8; 1.8 1), and of the cosines (1 0.6; 0.6 1).
  const double root = std::sqrt(16.0 + 1.8 * 1.8);
  expect(cells, "eigenvalue.1", 5.0 + root), expect(cells, "eigenvalue.2", 5.0 - root);
  expect(cells, "condition", 4.0);
  const double p = (5.0 + root) / 10.0;
  expect(cells, "effective_rank", std::exp(-p * std::log(p) - (1.0 - p) * std::log(1.0 - p)));
  // The shortest of the convex combinations is g_b, as its product with g_a is larger than its square.
  expect(cells, "stationarity", 1.0);
  const double sum = std::sqrt(9.0 + 2 * 1.8 + 1.0);
  expect(cells, "stationarity.relative", 2.0 / sum);
  expect(cells, "length", std::sqrt(36.0 + 2 * 1.8 + 0.25) / sum);
  expect(cells, "exact.cosine", 1.0);
  EXPECT_FALSE(cells.count("lookahead.a.b"));
  EXPECT_FALSE(cells.count("c.contribution"));
}

TEST_F(DiagnosticsCsv, LooksAheadWhereAsked) {
  Cells cells = written(true);
  expect(cells, "lookahead.a.a", 0.25), expect(cells, "lookahead.a.b", 0.25);
  expect(cells, "lookahead.b.a", 0.0), expect(cells, "lookahead.b.b", -0.25);
}

TEST_F(DiagnosticsCsv, CellsOfALossWithoutALabelAreEmpty) {
  diagnosis.measured = {true, false};
  diagnosis.halves[0][0] = -1.0;
  Cells cells = written(true);
  for (const char* name : {"b.contribution", "b.share", "b.predicted", "corrected.a.b",
                           "lookahead.a.b", "eigenvalue.2"})
    EXPECT_EQ(cells[name], "") << name;
  expect(cells, "eigenvalue.1", 9.0), expect(cells, "condition", 1.0);
}

}  // namespace
}  // namespace medley::testing
