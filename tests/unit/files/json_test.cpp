// JSON as text, and back.
#include "medley/files/json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace medley {
namespace {

TEST(Json, IsPrintedInOneLineOrIndented) {
  EXPECT_EQ(print_json(nlohmann::json{{"b", {1, 2}}, {"a", "x"}}), R"({"a":"x","b":[1,2]})");
  EXPECT_EQ(print_json(nlohmann::ordered_json{{"b", {1, 2}}, {"a", "x"}}),
            R"({"b":[1,2],"a":"x"})");
  EXPECT_EQ(print_json(nlohmann::json{{"a", {1}}}, 2), "{\n  \"a\": [\n    1\n  ]\n}");
  EXPECT_EQ(print_json(nlohmann::ordered_json{{"a", 1}}, 1), "{\n \"a\": 1\n}");
}

TEST(Json, WhatIsNotUtf8IsReplaced) {
  const std::string name = "caf\xe9.png", replaced = "caf\xef\xbf\xbd.png";
  EXPECT_EQ(print_json(nlohmann::json(name)), '"' + replaced + '"');
  EXPECT_EQ(print_json(nlohmann::ordered_json(name)), '"' + replaced + '"');
  EXPECT_EQ(parse_json(print_json(nlohmann::json(name)), "names").get<std::string>(), replaced);
}

}  // namespace
}  // namespace medley
