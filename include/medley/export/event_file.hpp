// TensorBoard's event files: records of one event each, appended one after the other (TFRecord).
//
//   record   u64 length; u32 masked CRC-32C of these 8 bytes; the event; u32 masked CRC-32C of it
//   masked   the CRC rotated right by 15, plus 0xa282ead8, modulo 2^32
//
// All numbers little-endian. The first event says the version, brain.Event:2.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace medley {

// Castagnoli's CRC, as RFC 3720 has it.
std::uint32_t crc32c(std::string_view bytes);

// The record of an event.
std::string event_record(std::string_view event);

// The events of a file; nothing if there is one that is not whole.
std::optional<std::vector<std::string>> read_event_records(std::string_view file);

// One value of a curve, a histogram or a picture.
struct EventPoint {
  std::string tag;
  std::int64_t step = 0;
  double wall_time = 0.0;  // seconds since 1970
  std::string value;       // the bytes of a Summary.Value, tag included (summary_values.hpp)
};

// Whether DIR has a file that is written here.
bool has_event_file(const std::filesystem::path& folder);

enum class EventUpdate { none, appended, begun };

// Brings DIR/events.out.tfevents.medley to hold these points, each tag and step once. Points that the
// file has stay; others are appended, by step, with one write, so that a TensorBoard that shows the
// file goes on with it. Histograms and pictures stay also where what they were made of has gone. Where
// a point has another value now, or one in the file is no longer among them (a run that was begun
// anew), or the file is damaged, it is written anew, as a whole. No file is left where there are no
// points. Throws io_error.
EventUpdate update_event_file(const std::filesystem::path& folder,
                              const std::vector<EventPoint>& points);

}  // namespace medley
