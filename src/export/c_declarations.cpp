#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "medley/export/c_model.hpp"

namespace medley {

namespace {

// What a head's outputs are.
std::string meaning(const CHead& head) {
  const bool one = head.head.shape.c == 1;
  if (!head.has_classes()) return head.has_probabilities() ? "logits of sigmoids" : "values";
  const std::string classes =
      fmt::format("{}{} classes, ", head.is_mask() ? "of each pixel " : "", head.classes());
  if (head.is_softmax()) return classes + "the logits of a softmax";
  if (head.has_probabilities()) return classes + (one ? "the logit of the second" : "a logit each");
  return classes + (one ? "a score of the second" : "a score each");
}

constexpr std::array<std::string_view, 3> pixel_types{"unsigned char", "unsigned short", "float"};
std::string_view pixel_type(const CModel& m) {
  return pixel_types[static_cast<std::size_t>(m.network.pixels.type)];
}

std::string introduction(const CModel& m) {
  std::string text = fmt::format(
      "/* {}: a network that Medley trained, as one file of C99 that needs nothing else.\n\n"
      "   picture  {} (channels x height x width), {} from {} to {},\n"
      "            which is normalized here\n",
      m.network.experiment, c_dims(m.network.input), pixel_type(m), m.network.pixels.low,
      m.network.pixels.high);
  for (const CHead& head : m.heads)
    text += fmt::format("   {:<8} {}: {}\n", head.name, c_dims(head.head.shape), meaning(head));
  return text + fmt::format(
                    "   memory   {} bytes of any contents for the time of the call; {} bytes of "
                    "constants\n"
                    "   work     {:.0f} multiply-adds a picture\n",
                    m.memory_bytes, m.constant_bytes, m.multiply_adds);
}

std::string usage(const CModel& m) {
  std::string text = "\n     static float memory[@@_MEMORY_BYTES / sizeof(float)];\n";
  std::string arguments;
  for (const CHead& head : m.heads) {
    text += fmt::format("     float {}_out[@@_{}_FLOATS];\n", head.name, head.macro);
    arguments += fmt::format(", {}_out", head.name);
  }
  text += fmt::format("     if (@_predict(picture, memory{}) == 0) ...\n", arguments);
  const auto found = std::ranges::find_if(
      m.heads, [](const CHead& head) { return head.has_classes() && !head.is_mask(); });
  if (found != m.heads.end())
    text += fmt::format("       ... @_{0}_class({0}_out) ...\n", found->name);
  return text + fmt::format(R"(
   One file of a program compiles this one; others define @@_DECLARATIONS in front of
   #include "{}", and have the declarations alone. What may be defined when it is compiled:

     @@_INTERLEAVED     pictures are height x width x channels, as cameras give them
     @@_PIXEL           another type of pixels, such as float; values as in training
     @@_STATIC_MEMORY   memory of its own, which is used where `memory` is null
     @@_CONSTANT        in place of `static const`, to say in which section constants lie

   -O2 does for speed. Where the processor has fused multiply-adds, -ffp-contract=fast takes them;
   the last digits differ then.
*/
)",
                            m.file);
}

std::string declarations_of(const CHead& head) {
  const Shape& s = head.head.shape;
  std::string text =
      fmt::format("\n/* {} */\n#define @@_{}_FLOATS {}\n", head.name, head.macro, s.elements());
  if (s.pixels() > 1 || head.is_mask()) {
    text += fmt::format(
        "#define @@_{0}_CHANNELS {1}\n#define @@_{0}_HEIGHT {2}\n#define @@_{0}_WIDTH {3}\n",
        head.macro, s.c, s.h, s.w);
  }
  if (head.has_classes())
    text += fmt::format("#define @@_{}_CLASSES {}\n", head.macro, head.classes());
  if (head.has_names())
    text += fmt::format("extern const char *const @_{}_names[{}];\n", head.name, head.classes());
  if (head.is_mask()) {
    text += "/* The class of each pixel. */\n" + head.mask_prototype() + ";\n";
  } else if (head.has_classes()) {
    text += "/* The class that the outputs say. */\n" + head.class_prototype() + ";\n";
  }
  if (!head.has_probabilities()) return text;
  return text +
         (s.c == 1 && head.has_classes()
              ? "/* Makes the probability of the second class of each output, in its place. */\n"
              : "/* Makes a probability of each output, in its place. */\n") +
         head.probabilities_prototype() + ";\n";
}

}  // namespace

std::string c_dims(const Shape& s) {
  return s.pixels() == 1 ? std::to_string(s.c) : fmt::format("{} x {} x {}", s.c, s.h, s.w);
}

std::string CHead::class_prototype() const {
  return fmt::format("int @_{}_class(const float *outputs)", name);
}
std::string CHead::mask_prototype() const {
  return fmt::format("void @_{}_mask(const float *outputs, unsigned char *mask)", name);
}
std::string CHead::probabilities_prototype() const {
  return fmt::format("void @_{}_probabilities(float *outputs)", name);
}

CModel::CModel(const NetworkView& viewed, std::string include)
    : network(viewed), file(std::move(include)) {
  CNames names;
  for (const ViewedHead& head : network.heads) {
    const std::string name = names.unique(head.name);
    heads.push_back({head, name, c_macro(name)});
  }
}

std::string CModel::predict_prototype() const {
  std::string text = "int @_predict(const @@_PIXEL *picture, void *memory";
  for (const CHead& head : heads) text += fmt::format(", float *{}_out", head.name);
  return text + ")";
}

std::string c_declarations(const CModel& m) {
  std::string text =
      introduction(m) + usage(m) +
      fmt::format(R"(
#ifndef @@_DECLARED
#define @@_DECLARED

#define @@_DIGEST "{}" /* of the parameters, as `digest` prints it */
#define @@_CHANNELS {}
#define @@_HEIGHT {}
#define @@_WIDTH {}
#define @@_MEMORY_BYTES {}

#ifndef @@_PIXEL
#define @@_PIXEL {}
#endif

#ifdef __cplusplus
extern "C" {{
#endif

/* Computes the outputs of each head, channel by channel, as the losses get them; of heads whose pointer
   is null, nothing. `memory` is @@_MEMORY_BYTES, aligned as floats are. Calls with memory of
   their own may run at the same time. Gives 0, or -1 where the picture or the memory is null or not
   aligned; then nothing is written. */
{};
)",
                  m.network.digest, m.network.input.c, m.network.input.h, m.network.input.w,
                  m.memory_bytes, pixel_type(m), m.predict_prototype());
  for (const CHead& head : m.heads) text += declarations_of(head);
  return text + R"(
#ifdef __cplusplus
}
#endif

#endif /* @@_DECLARED */
)";
}

}  // namespace medley
