// Sentences made while compiling, so that an error can name what is wrong in an experiment.
//
//   constexpr Sentence wrong = ...;               // empty where nothing is
//   static_assert(is_right<wrong>);               // the compiler's first error has the sentence:
//
//   error: incomplete type ‘WrongExperiment<Sentence{"term kind: there is no head knid"}>’ ...
//
// clang++ 14 shows the same character by character: WrongExperiment<'t', 'e', 'r', 'm', ...>.
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <utility>

namespace medley {

// Text, cut where it grows too long. All members are public, so that it can be a template argument.
struct Sentence {
  // Texts and numbers are of one type here, so that saying something instantiates nothing.
  struct Part {
    std::string_view text;
    long long integer = 0;
    double real = 0.0;
    enum { is_text, is_integer, is_real } kind = is_text;

    constexpr Part(std::string_view t) : text(t) {}
    constexpr Part(const char* t) : text(t) {}
    constexpr Part(const Sentence& s) : text(s.text) {}
    constexpr Part(std::integral auto number)
        : integer(static_cast<long long>(number)), kind(is_integer) {}
    constexpr Part(double number) : real(number), kind(is_real) {}
  };

  static constexpr std::size_t capacity = 640;
  char text[capacity + 1]{};

  constexpr Sentence() = default;
  constexpr Sentence(std::initializer_list<Part> parts) { add(parts); }

  constexpr bool empty() const { return text[0] == '\0'; }
  constexpr std::size_t size() const { return view().size(); }
  constexpr std::string_view view() const { return text; }

  // Appends texts and numbers; floats with up to six digits.
  constexpr Sentence& add(std::initializer_list<Part> parts) {
    for (const Part& part : parts) {
      if (part.kind == Part::is_text) append(part.text);
      if (part.kind == Part::is_integer) append_integer(part.integer);
      if (part.kind == Part::is_real) append_real(part.real);
    }
    return *this;
  }

 private:
  constexpr void append(std::string_view part) {
    std::size_t at = size();
    for (const char c : part) {
      if (at < capacity) text[at++] = c;
    }
  }
  constexpr void append_integer(long long number) {
    char digits[24]{};
    std::size_t first = 23;
    const bool negative = number < 0;
    do {
      const int digit = static_cast<int>(number % 10);
      digits[--first] = static_cast<char>('0' + (digit < 0 ? -digit : digit));
      number /= 10;
    } while (number != 0);
    if (negative) digits[--first] = '-';
    append(std::string_view(digits + first));
  }
  constexpr void append_real(double number) {
    if (number != number) return append("nan");
    if (number < 0.0) {
      append("-");
      number = -number;
    }
    if (number > std::numeric_limits<double>::max()) return append("inf");
    int exponent = 0;
    for (; number >= 10.0; number /= 10.0) ++exponent;
    for (; number > 0.0 && number < 1.0; number *= 10.0) --exponent;
    long digits = static_cast<long>(number * 1e5 + 0.5);
    if (digits >= 1000000) {
      digits /= 10;
      ++exponent;
    }
    const bool plain = exponent >= -5 && exponent <= 5;
    append_decimal(digits, plain ? exponent : 0);
    if (!plain) add({"e", exponent});
  }
  // Six digits d.ddddd, times ten to the power of the exponent.
  constexpr void append_decimal(long digits, int exponent) {
    int fraction = 5 - exponent;  // digits behind the point
    for (; fraction > 0 && digits % 10 == 0; digits /= 10) --fraction;
    long scale = 1;
    for (int i = 0; i < fraction; ++i) scale *= 10;
    append_integer(digits / scale);
    if (fraction > 0) append(".");
    for (long rest = digits % scale; fraction > 0; --fraction) {
      scale /= 10;
      append_integer(rest / scale);
      rest %= scale;
    }
  }
};

// Of several, the first that says something.
template <class... Sentences>
constexpr Sentence first_of(const Sentence& one, const Sentences&... rest) {
  if constexpr (sizeof...(rest) == 0) {
    return one;
  } else {
    return one.empty() ? first_of(rest...) : one;
  }
}

// Never defined: what an error names.
#if defined(__clang__)
template <char... Says>
struct WrongExperiment;
#else
template <Sentence Says>
struct WrongExperiment;
#endif

namespace detail {

template <Sentence Says>
struct Verdict {
  static constexpr bool right = true;
};
#if defined(__clang__)
template <Sentence Says, std::size_t... I>
auto spelled(std::index_sequence<I...>) -> WrongExperiment<Says.text[I]...>;
template <Sentence Says>
requires(!Says.empty()) struct Verdict<Says> {
  static constexpr bool right = false;
  using Wrong = decltype(spelled<Says>(std::make_index_sequence<Says.size()>{}));
  static_assert(Wrong::is_wrong);
};
#else
template <Sentence Says>
requires(!Says.empty()) struct Verdict<Says> {
  static constexpr bool right = false;
  static_assert(WrongExperiment<Says>::is_wrong);
};
#endif

}  // namespace detail

// Whether a sentence says nothing; what it says is an error, but only the first time.
template <Sentence Says>
inline constexpr bool is_right = detail::Verdict<Says>::right;

}  // namespace medley
