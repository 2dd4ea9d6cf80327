// Records that several threads prepare and one takes, in their order: pictures are decoded side by side, and a dataset
// folder has them as if one thread had read them all.
//
//   in_order<Item>(threads, count,
//                  [&](std::uint64_t index, Item& item) { ... },   // on any thread: decodes into the item
//                  [&](std::uint64_t index, Item& item) { ... });  // on the caller's, by index: appends it
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace medley {

// How many records may be prepared ahead of the one whose turn it is.
std::size_t records_ahead(int threads, std::uint64_t count);

// What in_order does, with a place (less than records_ahead) in lieu of an item.
using InOrderStep = std::function<void(std::uint64_t index, std::size_t place)>;
void in_order_of_places(int threads, std::uint64_t count, const InOrderStep& prepare,
                        const InOrderStep& take);

// Calls prepare(i, item) for 0 <= i < count, up to `threads` at a time, of which the caller is one, and
// take(i, item) on the caller's thread for 0, 1, 2, ... after it. What an exception of prepare stops is decided by
// its record's number: all before it are taken, and it is thrown where its turn would be, so that results and
// messages are the same for any number of threads. prepare may change nothing but its item, as records after the
// fault may be prepared too. Items are used again and again (their memory too), some for each thread, however many
// records there are. No thread is left when it returns or throws.
template <class Item, class Prepare, class Take>
void in_order(int threads, std::uint64_t count, Prepare&& prepare, Take&& take) {
  std::vector<Item> items(records_ahead(threads, count));
  in_order_of_places(
      threads, count, [&](std::uint64_t index, std::size_t place) { prepare(index, items[place]); },
      [&](std::uint64_t index, std::size_t place) { take(index, items[place]); });
}

}  // namespace medley
