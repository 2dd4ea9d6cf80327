// Times single convolutions, pass by pass: directly and by Winograd's filtering, beside oneDNN
// where that is installed (libdnnl-dev, or DNNL=DIR for make).
//
//   layers [--threads N] [--shard N] [--repetitions N] [--only TEXT] [--out FILE.csv]
//
// Everything works on a batch of 32: oneDNN on all of it at once, Medley, as in training, shard by
// shard in the same memory (--shard 32: all at once too). Contenders take turns, repetition by
// repetition, and medians are compared, so that what disturbs the machine disturbs all. Several
// threads are timed by the clock: whatever else runs makes one wait for the other, so that the
// fastest repetitions are compared; and they rest in between, as those of one contender would
// otherwise still wait for work, busily, when the other's begin. Numbers are GFLOP/s counted as a
// direct convolution. oneDNN chooses its own layouts (format `any`), runs its direct and its
// Winograd kernels, and is held to the instruction set that this program was built for.
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "medley/engine/threads.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/network/pass.hpp"

#if MEDLEY_PEER
#include <omp.h>

#include <dnnl.hpp>
#endif

namespace medley::bench {
namespace {

constexpr int batch = 32;
enum class Which { forward, data, weights };
constexpr std::array which_names{"forward", "backward data", "backward weights"};

struct Settings {
  int threads = 1, shard = 8, repetitions = 15;
  std::string only, out;
};

// Several threads stay on processors of their own, as oneDNN's do by OMP_PROC_BIND=true: after a
// rest, two of them may else be woken on the same one and share it for longer than a measurement.
void stay_on(int processor) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(processor, &only);
  sched_setaffinity(0, sizeof only, &only);
}

// The threads that training has, for Medley's part.
Threads& workers(int threads) {
  static Threads all(threads);
  static const bool placed = [&] {
    if (threads > 1) all.run([](int worker) { stay_on(worker); });
    return true;
  }();
  (void)placed;
  return all;
}

// --- Medley --------------------------------------------------------------------------------------

void fill(std::vector<float>& v) {
  std::uint32_t state = 1;
  for (float& x : v) {
    state = state * 1664525u + 1013904223u;
    x = static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
  }
}

// A layer with the memory of a network around it; without First, behind another convolution, so
// that the gradient of its input is asked for.
template <class Layer, Shape In, bool First>
class Bench {
  using Trunk = std::conditional_t<First, Sequence<Layer>, Sequence<Conv<In.c, 1>, Layer>>;
  using Net = Network<In, Trunk, std::tuple<Head<"y", Flatten>>, batch, 1>;
  static constexpr int node = First ? 0 : 1;

 public:
  explicit Bench(int samples)
      : area_(Net::activation_floats + 32),
        parameters_(Net::parameter_floats),
        prepacked_(Net::prepacked_floats + 1),
        gradients_(Net::parameter_floats) {
    fill(area_);
    fill(parameters_);
    pass_.area = area_.data() + (32 - reinterpret_cast<std::uintptr_t>(area_.data()) / 4 % 32);
    pass_.parameters = parameters_.data();
    pass_.prepacked = prepacked_.data();
    pass_.gradients = gradients_.data();
    pass_.samples = samples;
    prepack(pass_);
  }
  void run(Which which) {
    using Place = NodeSite<Net, node>;
    using Io = LayerIo<SiteOf<Net, node>>;
    pass_.written = {};
    if (which == Which::forward) Layer::forward(Io(Place::call(pass_, false)));
    const LayerCall call = Place::call(pass_, true);
    const Io backward(call);
    if (which == Which::weights) Layer::backward_weights(backward);
    if constexpr (!First) {
      if (which == Which::data) Layer::backward_data(backward);
    }
  }

 private:
  std::vector<float> area_, parameters_, prepacked_, gradients_;
  Pass<Net> pass_;
};

using Run = std::function<void(Which)>;

// A copy for each thread, which takes its part of the batch shard by shard.
template <class Layer, Shape In, bool First>
Run medley_run(const Settings& settings) {
  const int threads = settings.threads, shard = std::min(settings.shard, batch / threads);
  const int shards = batch / threads / shard;
  auto parts = std::make_shared<std::vector<std::unique_ptr<Bench<Layer, In, First>>>>();
  for (int t = 0; t < threads; ++t) {
    parts->push_back(std::make_unique<Bench<Layer, In, First>>(shard));
  }
  return [parts, threads, shards](Which which) {
    workers(threads).run([&](int t) {
      for (int s = 0; s < shards; ++s) (*parts)[t]->run(which);
    });
  };
}

// --- oneDNN --------------------------------------------------------------------------------------

struct Problem {
  Shape in, out;
  int kernel, stride, padding;
};

#if MEDLEY_PEER

// The description of a primitive in the words of oneDNN's second or third version.
template <class Primitive, class... Words, class... Hint>
typename Primitive::primitive_desc describe(const dnnl::engine& cpu,
                                            const std::tuple<Words...>& words,
                                            const Hint&... hint) {
  return std::apply(
      [&](const Words&... word) {
#if DNNL_VERSION_MAJOR >= 3
        return typename Primitive::primitive_desc(cpu, word..., hint...);
#else
        return typename Primitive::primitive_desc(typename Primitive::desc(word...), cpu, hint...);
#endif
      },
      words);
}

// One pass of one algorithm, ready to run; empty where oneDNN has none.
std::optional<std::function<void()>> peer_run(const Problem& p, Which which, bool winograd) {
  using namespace dnnl;
  using Dims = memory::dims;
  const auto any = [](const Dims& d) {
    return memory::desc(d, memory::data_type::f32, memory::format_tag::any);
  };
  const auto x = any({batch, p.in.c, p.in.h, p.in.w});
  const auto w = any({p.out.c, p.in.c, p.kernel, p.kernel});
  const auto y = any({batch, p.out.c, p.out.h, p.out.w});
  const Dims strides{p.stride, p.stride}, border{p.padding, p.padding};
  const auto algorithm = winograd ? algorithm::convolution_winograd : algorithm::convolution_direct;
  static engine cpu(engine::kind::cpu, 0);
  static stream queue(cpu);
  const auto make = [&](const auto& pd, auto primitive_of, int from, int with, int to,
                        const memory::desc& a, const memory::desc& b, const memory::desc& c) {
    const auto filled = [&](const memory::desc& d) {
      memory m(d, cpu);
      std::vector<float> values(d.get_size() / 4);
      fill(values);
      std::copy(values.begin(), values.end(), static_cast<float*>(m.get_data_handle()));
      return m;
    };
    std::unordered_map<int, memory> arguments{
        {from, filled(a)}, {with, filled(b)}, {to, filled(c)}};
    return [primitive = primitive_of(pd), arguments] {
      primitive.execute(queue, arguments);
      queue.wait();
    };
  };
  try {
    const std::tuple backward{algorithm, x, w, y, strides, border, border};
    const auto forward = describe<convolution_forward>(
        cpu, std::tuple_cat(std::tuple{prop_kind::forward_training}, backward));
    if (which == Which::forward) {
      return make(
          forward, [](const auto& pd) { return convolution_forward(pd); }, DNNL_ARG_SRC,
          DNNL_ARG_WEIGHTS, DNNL_ARG_DST, forward.src_desc(), forward.weights_desc(),
          forward.dst_desc());
    }
    if (which == Which::data) {
      const auto pd = describe<convolution_backward_data>(cpu, backward, forward);
      return make(
          pd, [](const auto& d) { return convolution_backward_data(d); }, DNNL_ARG_DIFF_DST,
          DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC, pd.diff_dst_desc(), pd.weights_desc(),
          pd.diff_src_desc());
    }
    const auto pd = describe<convolution_backward_weights>(cpu, backward, forward);
    return make(
        pd, [](const auto& d) { return convolution_backward_weights(d); }, DNNL_ARG_SRC,
        DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS, pd.src_desc(), pd.diff_dst_desc(),
        pd.diff_weights_desc());
  } catch (const error&) {
    return std::nullopt;
  }
}

void start_peer(const Settings& settings) {
  omp_set_num_threads(settings.threads);
  dnnl::set_max_cpu_isa(Vec::parts == 1 ? dnnl::cpu_isa::avx512_core : dnnl::cpu_isa::avx2);
}

std::string peer_name() {
  const dnnl::version_t& v = *dnnl::version();
  return "oneDNN " + std::to_string(v.major) + "." + std::to_string(v.minor) + "." +
         std::to_string(v.patch);
}
#else
std::optional<std::function<void()>> peer_run(const Problem&, Which, bool) { return {}; }
void start_peer(const Settings&) {}
std::string peer_name() { return "oneDNN is not installed"; }
#endif

// --- measuring -----------------------------------------------------------------------------------

// One thread's processor time leaves out what others take of a shared machine (that of the process,
// as a oneDNN for SYCL works on a thread of its own); of several threads the time by the clock
// counts.
double now(int threads) {
  timespec t;
  clock_gettime(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Independent multiply-adds in registers; eight chains and more hide their latency.
constexpr int peak_width = Vec::parts == 1 ? 12 : 6;
[[gnu::noinline]] float peak_chains(int times) {
  constexpr int chains = peak_width;
  Vec sum[chains];
  unroll<chains>([&](auto c) MEDLEY_INLINE_LAMBDA { sum[c] = Vec::zero(); });
  const Vec a = Vec::broadcast(0.999f), b = Vec::broadcast(0.5f);
  for (int i = 0; i < times; ++i) {
    unroll<chains>([&](auto c) MEDLEY_INLINE_LAMBDA { sum[c] = fma(sum[c], a, b); });
  }
  float total = 0;
  unroll<chains>([&](auto c) MEDLEY_INLINE_LAMBDA { total += medley::sum(sum[c]); });
  return total;
}

struct Contender {
  std::function<void()> run;
  double flops;
  std::vector<double> rates{};
  double result(int threads) {
    if (rates.empty()) return 0.0;
    std::sort(rates.begin(), rates.end());
    return threads == 1 ? rates[rates.size() / 2] : rates.back();
  }
};

void measure(std::vector<Contender>& contenders, const Settings& settings) {
  constexpr double least = 2e-3;  // of one measurement
  for (int r = -1; r < settings.repetitions; ++r) {
    for (Contender& c : contenders) {
      if (!c.run) continue;
      if (settings.threads > 1) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      c.run();  // wakes threads and brings memory near
      int times = 0;
      double taken = 0;
      const double start = now(settings.threads);
      while (taken < least) {
        c.run();
        ++times;
        taken = now(settings.threads) - start;
      }
      if (r >= 0) c.rates.push_back(c.flops * times / taken / 1e9);
    }
  }
}

class Table {
 public:
  explicit Table(const Settings& settings) : settings_(settings) {
    if (!settings.out.empty()) {
      csv_.open(settings.out);
      csv_
          << "layer,pass,threads,peak,direct,winograd,chosen,onednn_direct,onednn_winograd,ratio\n";
    }
    std::printf("%-24s %-16s %6s %7s %8s %9s %8s %9s %6s\n", "layer", "pass", "peak", "direct",
                "winograd", "of peak", "oneDNN", "its wino.", "ratio");
  }
  ~Table() {
    for (std::size_t w = 0; w < which_names.size(); ++w) {
      if (count_[w] > 0) {
        std::printf("geometric mean of the ratios, %s: %.2f\n", which_names[w],
                    std::exp(logarithms_[w] / count_[w]));
      }
    }
    const int all = count_[0] + count_[1] + count_[2];
    if (all > 0) {
      std::printf("geometric mean of the ratios, all passes: %.2f\n",
                  std::exp((logarithms_[0] + logarithms_[1] + logarithms_[2]) / all));
    }
  }

  // Direct; Winograd's, where the layer can: `chosen` is what the layer takes by itself.
  void add(const std::string& name, const Problem& problem, Which which, const Run& direct,
           const Run& winograd, bool chosen) {
    const double flops =
        2.0 * batch * problem.out.elements() * problem.in.c * problem.kernel * problem.kernel;
    const auto of = [&](const Run& run) -> std::function<void()> {
      if (!run) return {};
      return [&run, which] { run(which); };
    };
    const int rounds = 20'000;
    std::vector<Contender> contenders{
        {[&] {
           workers(settings_.threads).run([](int) {
             if (peak_chains(rounds) < 0) std::abort();
           });
         },
         2.0 * lanes * peak_width * rounds * settings_.threads},
        {of(direct), flops},
        {of(winograd), flops},
        {peer_run(problem, which, false).value_or(nullptr), flops},
        {problem.kernel == 3 ? peer_run(problem, which, true).value_or(nullptr) : nullptr, flops}};
    measure(contenders, settings_);
    std::array<double, 5> rate;
    for (std::size_t i = 0; i < rate.size(); ++i) rate[i] = contenders[i].result(settings_.threads);
    const double ours = chosen ? rate[2] : rate[1], theirs = std::max(rate[3], rate[4]);
    std::printf("%-24s %-16s %6.0f %7.0f%s %8.0f%s %8.2f %8.0f %9.0f %6.2f\n", name.c_str(),
                which_names[static_cast<std::size_t>(which)], rate[0], rate[1], chosen ? " " : "*",
                rate[2], chosen ? "*" : " ", rate[1] / rate[0], rate[3], rate[4],
                theirs > 0 ? ours / theirs : 0.0);
    std::fflush(stdout);
    if (theirs > 0) {
      logarithms_[static_cast<std::size_t>(which)] += std::log(ours / theirs);
      ++count_[static_cast<std::size_t>(which)];
    }
    if (csv_) {
      csv_ << '"' << name << "\"," << which_names[static_cast<std::size_t>(which)] << ','
           << settings_.threads;
      for (std::size_t i = 0; i < 3; ++i) csv_ << ',' << rate[i];
      csv_ << ',' << (chosen ? "winograd" : "direct") << ',' << rate[3] << ',' << rate[4] << ','
           << (theirs > 0 ? ours / theirs : 0.0) << std::endl;
    }
  }

  const Settings& settings() const { return settings_; }

 private:
  Settings settings_;
  std::ofstream csv_;
  std::array<double, 3> logarithms_{};
  std::array<int, 3> count_{};
};

template <Shape In, int Outputs, int Kernel = 3, int Stride = 1, int Padding = Kernel / 2>
void layer(Table& table) {
  using Automatic = ConvNoBias<Outputs, Kernel, Stride, Padding>;
  constexpr bool first = In.c <= 3;  // a picture: nobody asks for its gradient
  std::string name = std::to_string(In.c) + "->" + std::to_string(Outputs) + ", " +
                     std::to_string(Kernel) + "x" + std::to_string(Kernel) + ", " +
                     std::to_string(In.h) + "x" + std::to_string(In.w);
  if (Stride > 1) name += " /" + std::to_string(Stride);
  if (name.find(table.settings().only) == std::string::npos) return;
  const Run direct = medley_run<Direct<Automatic>, In, first>(table.settings());
  Run winograd;
  if constexpr ((Kernel == 3 || Kernel == 5) && Stride == 1 && !first) {
    winograd = medley_run<ByWinograd<Automatic>, In, first>(table.settings());
  }
  for (const Which which : {Which::forward, Which::data, Which::weights}) {
    if (first && which == Which::data) continue;
    table.add(name, {In, Automatic::output(In), Kernel, Stride, Padding}, which, direct, winograd,
              Automatic::winograd(In));
  }
}

Settings parse(int count, char** words) {
  Settings settings;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view option = words[i];
    if (option == "--threads") settings.threads = std::atoi(words[i + 1]);
    if (option == "--shard") settings.shard = std::atoi(words[i + 1]);
    if (option == "--repetitions") settings.repetitions = std::atoi(words[i + 1]);
    if (option == "--only") settings.only = words[i + 1];
    if (option == "--out") settings.out = words[i + 1];
  }
  return settings;
}

}  // namespace
}  // namespace medley::bench

int main(int count, char** words) {
  using namespace medley;
  using namespace medley::bench;
  const Settings settings = parse(count, words);
  start_peer(settings);
  std::printf(
      "batch %d in shards of %d, %d thread%s, %d floats a register; %s; GFLOP/s; *: taken\n", batch,
      settings.shard, settings.threads, settings.threads > 1 ? "s" : "", lanes / Vec::parts,
      peer_name().c_str());
  Table table(settings);
  // The clothing experiment.
  layer<Shape{3, 64, 64}, 32>(table);
  layer<Shape{32, 64, 64}, 32>(table);
  layer<Shape{32, 32, 32}, 64>(table);
  layer<Shape{64, 32, 32}, 64>(table);
  layer<Shape{64, 16, 16}, 128>(table);
  layer<Shape{128, 16, 16}, 128>(table);
  // The garments experiment.
  layer<Shape{3, 32, 32}, 16>(table);
  layer<Shape{16, 16, 16}, 32>(table);
  layer<Shape{32, 8, 8}, 48>(table);
  layer<Shape{48, 4, 4}, 64>(table);
  layer<Shape{64, 4, 4}, 64>(table);
  layer<Shape{112, 8, 8}, 32, 1>(table);
  layer<Shape{64, 16, 16}, 16>(table);
  layer<Shape{32, 32, 32}, 16>(table);
  layer<Shape{16, 16, 16}, 16>(table);
  layer<Shape{32, 8, 8}, 32>(table);
  layer<Shape{32, 4, 4}, 64>(table);
  layer<Shape{16, 32, 32}, 1, 1>(table);
  // A small ResNet and LeNet.
  layer<Shape{16, 32, 32}, 16>(table);
  layer<Shape{16, 32, 32}, 32, 3, 2>(table);
  layer<Shape{16, 32, 32}, 32, 1, 2>(table);
  layer<Shape{32, 16, 16}, 32>(table);
  layer<Shape{32, 16, 16}, 64, 3, 2>(table);
  layer<Shape{32, 16, 16}, 64, 1, 2>(table);
  layer<Shape{64, 8, 8}, 64>(table);
  layer<Shape{1, 28, 28}, 6, 5>(table);
  layer<Shape{6, 14, 14}, 16, 5, 1, 0>(table);
  // Others.
  layer<Shape{16, 28, 28}, 16>(table);
  layer<Shape{1, 28, 28}, 16, 5>(table);
  layer<Shape{8, 16, 16}, 16, 5>(table);
  layer<Shape{32, 16, 16}, 32, 5>(table);
  layer<Shape{64, 7, 7}, 64, 5>(table);
  layer<Shape{3, 64, 64}, 32, 7, 2>(table);
  layer<Shape{16, 28, 28}, 32, 7>(table);
  // Sizes that leave tiles and lanes partly empty.
  layer<Shape{20, 12, 12}, 50, 5, 1, 0>(table);
  layer<Shape{33, 15, 17}, 65>(table);
  layer<Shape{24, 27, 27}, 40, 3, 2>(table);
  layer<Shape{100, 9, 11}, 30, 1>(table);
  return 0;
}
