// Hostile text in a page, and numbers as a page shows them.
#include "medley/report/html.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "medley/report/page.hpp"

namespace medley::page {
namespace {

TEST(PageHtml, TextCannotBecomeMarkup) {
  EXPECT_EQ(escaped(R"(<b>"a" & 'b'</b>)"), "&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/b&gt;");
  EXPECT_EQ(escaped("größer"), "größer");
  EXPECT_EQ(escaped("a\x1b[31m\xff"), R"(a\x1b[31m\xff)");
}

TEST(PageHtml, DataCannotEndItsElement) {
  nlohmann::json json = {{"name", "</script><!--<script>"}, {"bytes", "\xff"}};
  const std::string text = script_json(json);
  EXPECT_EQ(text.find('<'), std::string::npos) << text;
  const nlohmann::json read = nlohmann::json::parse(text);
  EXPECT_EQ(read["name"], "</script><!--<script>");
  EXPECT_EQ(read["bytes"], "\xef\xbf\xbd");
}

TEST(PageHtml, RoundsWhatIsShownAndKeepsAllDigits) {
  EXPECT_EQ(rounded("0.9411666666666667"), "0.9412");
  EXPECT_EQ(rounded("-867.76501"), "-867.7650");
  EXPECT_EQ(rounded("0.00012345"), "0.0001234");
  EXPECT_EQ(rounded("1e-09"), "1.000e-09");
  EXPECT_EQ(rounded("375"), "375");
  EXPECT_EQ(rounded("upgrad"), "upgrad");
  EXPECT_EQ(rounded("0.0"), "0.0");
  EXPECT_EQ(figure("0.9411666666666667"), R"(<data value="0.9411666666666667">0.9412</data>)");
  EXPECT_EQ(figure("<i>"), "&lt;i&gt;");
  EXPECT_EQ(figure(""), "");
}

TEST(PageHtml, ErrorsHaveTheDecimalsOfTheirNumbers) {
  EXPECT_EQ(figure_with_error("0.93", "0.000552"),
            "<data value=\"0.93\">0.9300</data> <span class=\"error\">± "
            "<data value=\"0.000552\">0.0006</data></span>");
  EXPECT_NE(figure_with_error("2e-6", "1e-6").find(">1.000e-06<"), std::string::npos);
  EXPECT_EQ(figure_with_error("0.5", ""), figure("0.5"));
}

TEST(PageHtml, TableHasItsCells) {
  HtmlTable table("figures", {"a<b", ">n"});
  EXPECT_TRUE(table.empty());
  table.row({"x", "1"}, "mean");
  EXPECT_FALSE(table.empty());
  EXPECT_EQ(table.html(),
            "<div class=\"frame\"><table class=\"figures\"><thead><tr><th scope=\"col\">a&lt;b</th>"
            "<th scope=\"col\" class=\"number\">n</th></tr></thead><tbody>\n"
            "<tr class=\"mean\"><td>x</td><td class=\"number\">1</td></tr>\n"
            "</tbody></table></div>\n");
}

// What is put into the template is not taken for the template.
TEST(PageHtml, PageIsWholeWhateverItsTexts) {
  Page page;
  page.kind = "{{script}}";
  page.title = "</title><script>alert(1)</script>";
  page.sections.push_back({"one", "{{data}}", "", "<p>{{css}}</p>"});
  page.left_out = {"<none>"};
  page.data["x"] = "</script>";
  const std::string text = html(page);
  EXPECT_NE(text.find("<title>&lt;/title&gt;&lt;script&gt;alert(1)"), std::string::npos);
  EXPECT_NE(text.find("<p class=\"kind\">{{script}}</p>"), std::string::npos);
  EXPECT_NE(text.find("<p>{{css}}</p>"), std::string::npos);
  EXPECT_NE(text.find("<li>&lt;none&gt;</li>"), std::string::npos);
  EXPECT_NE(text.find("Chart.js v3.9.1"), std::string::npos) << "the library's license line";
  EXPECT_NE(text.find("Released under the MIT License"), std::string::npos);
  EXPECT_EQ(text.find("alert(1)</script>"), std::string::npos);
  std::size_t ends = 0;
  for (std::size_t at = 0; (at = text.find("</script>", at)) != std::string::npos; ++at) ++ends;
  EXPECT_EQ(ends, 4u) << "the counter of errors, the data, the library, the page's own";
}

}  // namespace
}  // namespace medley::page
