// What the functions of network/site.hpp do.
#pragma once

#include "medley/network/site.hpp"

namespace medley {

template <class S>
void layer_forward(const LayerCall& call) {
  S::Layer::forward(LayerIo<S>(call));
}
template <class S>
void layer_backward(const LayerCall& call) {
  S::Layer::backward(LayerIo<S>(call));
}
template <class S>
void layer_prepack(const LayerCall& call, int first, int last) {
  S::Layer::prepack(LayerIo<S>(call), first, last);
}

}  // namespace medley
