#include "medley/report/page_of_model.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "medley/base/text.hpp"
#include "medley/files/json.hpp"
#include "medley/report/html.hpp"

namespace medley::page {

namespace {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;

// Empty for what is not defined: null, or NaN.
std::string text_of(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (json.is_number_float()) return number_text(json.get<double>());
  return json.is_null() ? std::string{} : print_json(json);
}

std::string joined(const Json& list) {
  Strings texts;
  for (const Json& item : list) texts.push_back(text_of(item));
  return fmt::format("{}", fmt::join(texts, ", "));
}

// --- samples -------------------------------------------------------------------------------------

std::string size_text(const Json& picture) {
  return fmt::format("width=\"{}\" height=\"{}\"", text_of(picture["width"]),
                     text_of(picture["height"]));
}

std::string image(const Json& source, const Json& picture, std::string_view what) {
  return fmt::format("<img src=\"{}\" {} alt=\"{}\">", escaped(text_of(source)), size_text(picture),
                     escaped(what));
}

// The picture, and over it a mask if there is one.
std::string with_mask(const Json& picture, const Json& size, const Json& mask, const Json& opacity,
                      std::string_view what) {
  return fmt::format(
      "<figure class=\"masked\"><span class=\"stack\">{}<span class=\"mask\" style=\"opacity:{}\">"
      "{}</span></span><figcaption>{}</figcaption></figure>",
      image(picture, size, what), escaped(text_of(opacity)), image(mask, size, ""), escaped(what));
}

std::string class_line(const std::string& name, const Json& said) {
  const bool right = said["right"].is_boolean() && said["right"].get<bool>();
  const bool known = said["right"].is_boolean();
  const std::string sure =
      said.contains("probability")
          ? fmt::format(" <small>{:.0f}%</small>", 100.0 * said["probability"].get<double>())
          : std::string{};
  const std::string truth =
      known ? right ? "" : fmt::format(", not {}", escaped(text_of(said["truth"])))
            : " <small>(not known)</small>";
  return fmt::format("<li class=\"{}\">{}: <b>{}</b>{}{}</li>\n",
                     !known  ? "unknown"
                     : right ? "right"
                             : "wrong",
                     escaped(name), escaped(text_of(said["prediction"])), truth, sure);
}

std::string values_line(const std::string& name, const Json& said) {
  const auto numbers = [](const Json& list) {
    Strings texts;
    for (const Json& item : list) texts.push_back(figure(text_of(item)));
    return fmt::format("{}", fmt::join(texts, ", "));
  };
  const std::string truth =
      said["truth"].is_null() ? " <small>(not known)</small>" : ", true " + numbers(said["truth"]);
  return fmt::format("<li>{}: <b>{}</b>{}</li>\n", escaped(name), numbers(said["prediction"]),
                     truth);
}

// A record: its picture, what the heads say, and its loss by one of the terms or by all.
std::string record_html(const Json& samples, const Json& record, const Strings& terms) {
  std::string masks, lines;
  for (std::size_t h = 0; h < samples["heads"].size(); ++h) {
    const Json &head = samples["heads"][h], &said = record["heads"][h];
    const std::string name = text_of(head["head"]), kind = text_of(head["kind"]);
    if (kind == "classes") lines += class_line(name, said);
    if (kind == "values") lines += values_line(name, said);
    if (kind == "mask") {
      masks += with_mask(record["picture"], samples["picture"], said["prediction"], head["opacity"],
                         name + " predicted");
      if (!said["truth"].is_null())
        masks += with_mask(record["picture"], samples["picture"], said["truth"], head["opacity"],
                           name + " true");
    }
  }
  std::string losses;
  for (std::size_t k = 0; k < terms.size() && k < record["losses"].size(); ++k) {
    if (!text_of(record["losses"][k]).empty())
      losses += fmt::format("<li>loss {} {}</li>\n", escaped(terms[k]),
                            figure(text_of(record["losses"][k])));
  }
  const std::string what = "record " + text_of(record["record"]);
  return fmt::format(
      "<article class=\"sample\">{}{}<p>{}</p><ul>{}</ul><ul class=\"losses\">{}</ul></article>\n",
      masks.empty() ? image(record["picture"], samples["picture"], what) : "", masks, escaped(what),
      lines, losses);
}

std::string records_html(const Json& samples, const Json& numbers, const Strings& terms) {
  std::string html;
  for (const Json& i : numbers)
    html += record_html(samples, samples["records"][i.get<std::size_t>()], terms);
  return "<div class=\"samples\">\n" + html + "</div>\n";
}

// Which colour of a mask is which class.
std::string mask_legend(const Json& samples) {
  std::string html;
  for (const Json& head : samples["heads"]) {
    if (text_of(head["kind"]) != "mask") continue;
    for (std::size_t c = 1; c < head["classes"].size(); ++c)
      html += fmt::format("<span><i style=\"background:{}\"></i>{}</span>\n",
                          escaped(text_of(head["classes"][c]["color"])),
                          escaped(text_of(head["classes"][c]["name"])));
  }
  return html.empty() ? html : "<p class=\"legend\">" + html + "</p>\n";
}

void add_samples(const Json& model, const Strings& terms, Page& page) {
  const Json& samples = model["samples"];
  const std::string of = fmt::format("{} of {}, {} split", text_of(model["checkpoint"]),
                                     text_of(model["data"]), text_of(model["split"]));
  const std::string legend = mask_legend(samples);
  if (!samples["worst"].empty()) {
    Section section{"worst", "Worst by each loss", "Where the model errs most: " + of + ".",
                    legend};
    for (const Json& worst : samples["worst"]) {
      section.html += fmt::format("<h3>{}</h3>\n", escaped(text_of(worst["term"])));
      section.html += records_html(samples, worst["records"], terms);
    }
    page.sections.push_back(std::move(section));
  }
  page.sections.push_back({"samples", "Samples",
                           fmt::format("Evenly spread over the split, {}: {}.",
                                       text_of(samples["picture"]["shown"]), of),
                           legend + records_html(samples, samples["shown"], terms)});
}

// --- ranking and reliability -----------------------------------------------------------------------

void add_curves(const Json& model, Page& page) {
  HtmlTable table("figures",
                  {"ranking", ">positives", ">negatives", ">area under ROC", ">average precision"});
  for (const Json& curve : model["curves"])
    table.row({escaped(text_of(curve["name"]) + ": " + text_of(curve["class"])),
               figure(text_of(curve["positives"])), figure(text_of(curve["negatives"])),
               figure_with_error(text_of(curve["area"]), text_of(curve["standard_error"])),
               figure(text_of(curve["average_precision"]))});
  if (table.empty()) return;
  page.sections.push_back({"ranking", "Ranking",
                           "How well scores part a class from the others, whatever the threshold.",
                           "<div class=\"charts\" id=\"ranking-charts\"></div>\n" + table.html()});
}

void add_reliability(const Json& model, Page& page) {
  HtmlTable table("figures", {"head", ">counted", "of", ">expected calibration error", ">largest"});
  for (const Json& head : model["reliability"])
    table.row({escaped(text_of(head["name"])), figure(text_of(head["count"])),
               escaped(text_of(head["unit"])), figure(text_of(head["expected_calibration_error"])),
               figure(text_of(head["largest_calibration_error"]))});
  if (table.empty()) return;
  page.sections.push_back(
      {"reliability", "Reliability",
       "How often the model is right where it says how sure it is; on the line where both agree.",
       "<div class=\"charts\" id=\"reliability-charts\"></div>\n" + table.html()});
}

}  // namespace

Section network_section(const Json& network) {
  HtmlTable table("figures",
                  {"layer", "type", "options", "output", ">parameters", ">MFLOP", "reads"});
  std::string previous = "input";
  for (const Json& layer : network["layers"]) {
    const std::string reads = joined(layer["reads"]);
    std::string options = text_of(layer["options"]);
    if (const std::string algorithm = text_of(layer["algorithm"]); !algorithm.empty())
      options += (options.empty() ? "" : "; ") + algorithm;
    table.row({escaped(text_of(layer["path"])), escaped(text_of(layer["type"])), escaped(options),
               escaped(text_of(layer["output"])), figure(text_of(layer["parameters"])),
               figure(text_of(layer["mflop"])), reads == previous ? "" : escaped(reads)});
    previous = text_of(layer["path"]);
  }
  return {"network", "Network",
          fmt::format("{} parameters, {} MFLOP a picture forward.", text_of(network["parameters"]),
                      rounded(text_of(network["mflop"]))),
          table.html()};
}

Section arena_section(const Json& arena) {
  HtmlTable table("figures", {"section", ">count", ">bytes", ">share"});
  const double bytes = arena["bytes"].get<double>();
  for (const Json& kind : arena["kinds"])
    table.row({escaped(text_of(kind["kind"])), figure(text_of(kind["count"])),
               figure(text_of(kind["bytes"])),
               fmt::format("{:.1f}%", 100.0 * kind["bytes"].get<double>() / bytes)});
  return {
      "arena", "Memory",
      fmt::format("All of it lies in one arena of {:.1f} MiB, fixed when the program was compiled; "
                  "the budget is {:.0f} MiB.",
                  bytes / (1 << 20), arena["budget"].get<double>() / (1 << 20)),
      "<div id=\"arena-map\"></div>\n" + table.html()};
}

void add_model_sections(const Json& model, Page& page) {
  if (model.contains("left_out")) {
    page.left_out.push_back("Nothing of the model: " + text_of(model["left_out"]));
    return;
  }
  Strings terms;
  for (const Json& term : model["terms"]) terms.push_back(text_of(term["name"]));
  if (!model["samples"]["records"].empty()) add_samples(model, terms, page);
  add_curves(model, page);
  add_reliability(model, page);
  page.data["model"] = {{"curves", model["curves"]}, {"reliability", model["reliability"]}};
}

}  // namespace medley::page
