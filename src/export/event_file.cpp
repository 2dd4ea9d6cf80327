#include "medley/export/event_file.hpp"

#include <event.pb.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/crc.hpp>
#include <cerrno>
#include <set>

#include "medley/base/error.hpp"
#include "medley/files/atomic_file.hpp"
#include "medley/files/mapped_file.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view event_file_name = "events.out.tfevents.medley";
constexpr std::size_t length_bytes = 8, crc_bytes = 4;

std::uint32_t masked(std::uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

std::string little_endian(std::uint64_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

std::uint64_t number_of(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

bool has_crc(std::string_view bytes, std::string_view crc) {
  return number_of(crc) == masked(crc32c(bytes));
}

using Place = std::pair<std::string, std::int64_t>;  // tag and step

// A value that a file holds.
struct Held {
  std::string value;
  bool outlives = false;  // what it was made of: a checkpoint that was not kept
};

bool is_picture(const board::Summary::Value& value) {
  return value.metadata().plugin_data().plugin_name() == "images";
}

// What the file holds, by tag and step; nothing if it is no whole file of ours.
std::optional<std::map<Place, Held>> values_of(std::string_view file) {
  const auto records = read_event_records(file);
  if (!records || records->empty()) return std::nullopt;
  std::map<Place, Held> values;
  for (const std::string& record : *records) {
    board::Event event;
    if (!event.ParseFromString(record)) return std::nullopt;
    for (const board::Summary::Value& value : event.summary().value())
      values[{value.tag(), event.step()}] = {value.SerializeAsString(),
                                             value.has_histo() || is_picture(value)};
  }
  return values;
}

std::string text_of(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error) || fs::file_size(path, error) == 0) return {};
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::string records_of(std::vector<const EventPoint*> points) {
  std::ranges::stable_sort(points, {}, [](const EventPoint* point) { return point->step; });
  std::string text;
  for (const EventPoint* const point : points) {
    board::Event event;
    event.set_wall_time(point->wall_time);
    event.set_step(point->step);
    if (!event.mutable_summary()->add_value()->ParseFromString(point->value))
      throw std::logic_error("a point of an event file is no Summary.Value");
    text += event_record(event.SerializeAsString());
  }
  return text;
}

std::string first_record(double wall_time) {
  board::Event event;
  event.set_wall_time(wall_time);
  event.set_file_version("brain.Event:2");
  return event_record(event.SerializeAsString());
}

void append(const fs::path& path, std::string_view text) {
  const auto fail = [&](const char* what) {
    throw io_error(std::string("cannot ") + what + " " + path.string() + ": " +
                   std::error_code(errno, std::generic_category()).message());
  };
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) fail("open");
  while (!text.empty()) {
    const ssize_t done = ::write(file, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) {
      const int reason = errno;
      ::close(file);
      errno = reason;
      fail("write");
    }
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  if (::close(file) != 0) fail("write");
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

std::string event_record(std::string_view event) {
  const std::string length = little_endian(event.size(), length_bytes);
  return length + little_endian(masked(crc32c(length)), crc_bytes) + std::string(event) +
         little_endian(masked(crc32c(event)), crc_bytes);
}

std::optional<std::vector<std::string>> read_event_records(std::string_view file) {
  std::vector<std::string> records;
  while (!file.empty()) {
    if (file.size() < length_bytes + crc_bytes) return std::nullopt;
    const std::string_view length = file.substr(0, length_bytes);
    if (!has_crc(length, file.substr(length_bytes, crc_bytes))) return std::nullopt;
    file.remove_prefix(length_bytes + crc_bytes);
    const std::uint64_t size = number_of(length);
    if (file.size() < crc_bytes || size > file.size() - crc_bytes) return std::nullopt;
    const std::string_view event = file.substr(0, size);
    if (!has_crc(event, file.substr(size, crc_bytes))) return std::nullopt;
    records.emplace_back(event);
    file.remove_prefix(size + crc_bytes);
  }
  return records;
}

bool has_event_file(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / event_file_name, error);
}

EventUpdate update_event_file(const fs::path& folder, const std::vector<EventPoint>& points) {
  const fs::path path = folder / event_file_name;
  std::error_code error;
  if (points.empty()) {
    const bool removed = fs::remove(path, error);
    if (error) throw io_error(path.string() + ": cannot be removed: " + error.message());
    return removed ? EventUpdate::begun : EventUpdate::none;
  }
  const std::string before = text_of(path);
  const auto held = values_of(before);
  bool anew = !held;
  std::vector<const EventPoint*> missing, all;
  std::set<Place> wanted;
  for (const EventPoint& point : points) {
    if (!wanted.emplace(point.tag, point.step).second) continue;
    all.push_back(&point);
    if (!held) continue;
    const auto found = held->find({point.tag, point.step});
    if (found == held->end()) {
      missing.push_back(&point);
    } else {
      anew = anew || found->second.value != point.value;
    }
  }
  if (held) {
    for (const auto& [place, value] : *held)
      anew = anew || (!value.outlives && !wanted.contains(place));
  }
  if (anew) {
    write_file(path, first_record(all.front()->wall_time) + records_of(all));
    return EventUpdate::begun;
  }
  if (missing.empty()) return EventUpdate::none;
  append(path, records_of(missing));
  return EventUpdate::appended;
}

}  // namespace medley
