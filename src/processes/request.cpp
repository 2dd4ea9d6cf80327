#include "medley/processes/request.hpp"

namespace medley {

void send_request(Processes& processes, const Request& request, const Parcel& parcel) {
  Request whole = request;
  whole.bytes = parcel.bytes().size();
  for (int other = 1; other < processes.count(); ++other) {
    processes.send(other, &whole, sizeof(whole));
    if (whole.bytes > 0) processes.send(other, parcel.bytes().data(), whole.bytes);
  }
  processes.wait();
}

void send_parcel(Processes& processes, int to, const Parcel& parcel) {
  const std::uint64_t bytes = parcel.bytes().size();
  processes.send(to, &bytes, sizeof(bytes));
  if (bytes > 0) processes.send(to, parcel.bytes().data(), bytes);
  processes.wait();
}

Parcel receive_parcel(Processes& processes, int from, std::uint64_t bytes) {
  std::vector<std::byte> content(bytes);
  if (bytes > 0) processes.receive(from, content.data(), bytes);
  processes.wait();
  return Parcel(std::move(content));
}

Parcel receive_parcel(Processes& processes, int from) {
  std::uint64_t bytes = 0;
  processes.receive(from, &bytes, sizeof(bytes));
  processes.wait();
  return receive_parcel(processes, from, bytes);
}

}  // namespace medley
